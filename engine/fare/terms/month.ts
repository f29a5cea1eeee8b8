/** Months of days. */

/** A number that all days (since 1970) of one calendar month have in common. */
export function monthOfDay(day: number): number {
  // Civil month from days, counted from March of year 0 (H. Hinnant, "chrono-compatible dates").
  const shifted = day + 719_468;
  const era = Math.floor(shifted / 146_097);
  const ofEra = shifted - era * 146_097;
  const year = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) /
      365,
  );
  const ofYear = ofEra - (365 * year + Math.floor(year / 4) - Math.floor(year / 100));
  return (era * 400 + year) * 12 + Math.floor((5 * ofYear + 2) / 153);
}
