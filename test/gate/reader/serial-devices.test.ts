/** PN532 and ACR122 on a serial device: both suites of readers over a pty, and bad devices. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openReader } from '../../../gate/reader/open.ts';
import { noPty, PtyPlug } from '../../kit/device-hosts.ts';
import { deviceSuites } from '../../kit/device-readers.ts';
import { Pn532Device } from '../../kit/reader-devices.ts';

if (noPty) test('readers on a serial device', { skip: noPty }, () => {});
else deviceSuites({ pn532: 'pn532', acr122: 'acr122-serial' }, PtyPlug.of);

test('a device that is not there, or is no serial device, is named', async () => {
  await assert.rejects(openReader('pn532:/dev/ttyNONE'), {
    code: 'READER_FAILED',
    message: /\/dev\/ttyNONE.*ENOENT|ENOENT.*\/dev\/ttyNONE/,
  });
  await assert.rejects(openReader('acr122-serial:/dev/null'), {
    code: 'READER_FAILED',
    message: /^\/dev\/null: stty: .*Inappropriate ioctl/,
  });
});

test('a speed that the device cannot have is named', { skip: noPty }, async () => {
  const plug = await PtyPlug.of(new Pn532Device());
  await assert.rejects(openReader(`pn532:${plug.address}@12345`), {
    code: 'READER_FAILED',
    message: /stty: invalid argument .*12345/,
  });
  await plug.end();
});

test('without stty the message says what to install', { skip: noPty }, async () => {
  const plug = await PtyPlug.of(new Pn532Device());
  const { PATH } = process.env;
  process.env.PATH = '/nowhere';
  try {
    await assert.rejects(openReader(`pn532:${plug.address}`), {
      code: 'READER_FAILED',
      message: `${plug.address}: stty is missing: install coreutils`,
    });
  } finally {
    process.env.PATH = PATH;
    await plug.end();
  }
});
