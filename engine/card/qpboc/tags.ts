/** Tags of data elements that contactless e-cash uses (EMV 4.3 Book 3, annex A; PBOC 3.0). */
export const tag = {
  /** Application identifier in a directory entry, and its priority. */
  aid: 0x4f,
  /** The same as its FCI and as a terminal has it. */
  name: 0x84,
  terminalName: 0x9f06,
  priority: 0x87,
  directoryEntry: 0x61,
  fci: 0x6f,
  fciProprietary: 0xa5,
  fciDiscretionary: 0xbf0c,
  pdol: 0x9f38,
  optionsFormat1: 0x80,
  optionsFormat2: 0x77,
  record: 0x70,
  /** Application interchange profile (2) and file locator (4 an entry). */
  aip: 0x82,
  afl: 0x94,
  atc: 0x9f36,
  cryptogram: 0x9f26,
  cryptogramInformation: 0x9f27,
  /** Issuer application data: 07 ‖ key index ‖ cryptogram version ‖ 03 ‖ CVR(3) ‖ .. */
  iad: 0x9f10,
  track2: 0x57,
  pan: 0x5a,
  panSequence: 0x5f34,
  expiry: 0x5f24,
  effective: 0x5f25,
  cardQualifiers: 0x9f6c,
  cardAuthentication: 0x9f69,
  availableBalance: 0x9f5d,
  /** What a terminal says of itself and of the purchase. */
  terminalQualifiers: 0x9f66,
  amount: 0x9f02,
  amountOther: 0x9f03,
  country: 0x9f1a,
  verificationResults: 0x95,
  currency: 0x5f2a,
  date: 0x9a,
  time: 0x9f21,
  transactionType: 0x9c,
  unpredictableNumber: 0x9f37,
  terminalType: 0x9f35,
  /** What the terminal wants of the extended application: `EcashService`. */
  extendedApplication: 0xdf60,
  /** What the card has of it, its segment limit, and what it owes on that. */
  extendedServices: 0xdf61,
  segmentLimit: 0xdf62,
  segmentDeducted: 0xdf63,
  /** E-cash balance. */
  balance: 0x9f79,
  /** 01: the terminal verifies SM2. */
  smSupported: 0xdf69,
  /** The chain of offline data authentication. */
  caIndex: 0x8f,
  issuerCertificate: 0x90,
  issuerRemainder: 0x92,
  issuerExponent: 0x9f32,
  staticSignature: 0x93,
  cardCertificate: 0x9f46,
  cardExponent: 0x9f47,
  cardRemainder: 0x9f48,
  staticTagList: 0x9f4a,
  dynamicSignature: 0x9f4b,
} as const;
