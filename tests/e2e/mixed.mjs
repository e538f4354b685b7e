// SPDX-License-Identifier: ISC
//
// mixed.mjs: the messages of interoperation tests, the same ones each time,
// and what is left of those that have arrived: a line for each.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';

/** How many go each way. */
export const COUNT = 10_000;

/** A function that gives pseudo-random integers from 0 to n - 1. */
export function dice(seed) {
	let state = seed;

	return (n) => {
		state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9 | 0;
		return Math.floor(((state ^ (state >>> 13)) >>> 0) / 2 ** 32 * n);
	};
}

const roll = dice(1);
const NOISE = Buffer.from(Array.from({ length: 200_000 }, () => roll(256)));

// What does not shrink by compression.
function noise(rng, size) {
	const at = rng(NOISE.length - size);

	return NOISE.subarray(at, at + size);
}

/**
 * Texts and Buffers: small ones mostly, as applications send them, some empty
 * or of one byte, some up to 100 KiB.
 */
export function* mixed(seed, count = COUNT) {
	const rng = dice(seed);

	for (let i = 0; i < count; i++)
		yield some(rng, i);
}

function some(rng, i) {
	switch (rng(20)) {
	case 0: return '';
	case 1: return Buffer.alloc(0);
	case 2: return 'x';
	case 3: return Buffer.of(i & 255);
	case 4:
	case 5: return noise(rng, rng(300));
	case 6: return 'grün €😀 '.repeat(rng(40));
	case 7: return rng(4) ? noise(rng, 125 + rng(3)) : large(rng);
	default: return `{"type":"log","n":${i},"line":"${'ab'.repeat(rng(50))}"}`;
	}
}

function large(rng) {
	const size = rng(8) ? rng(100 * 1024) : 65534 + rng(4);

	return rng(2) ? noise(rng, size) : 'lines of a log\n'.repeat(size / 15);
}

/** A line for a text, a Buffer, or what JSON has with such within. */
export function line(value) {
	if (Buffer.isBuffer(value))
		return `binary ${value.length} ${digest(value)}`;
	if (typeof value === 'string')
		return value.length < 60 ? `text ${value}`
			: `text ${value.length} ${digest(value)}`;
	return JSON.stringify(Object.entries(value).map(
		([name, part]) => [name, typeof part === 'number' ? part : line(part)]));
}

const digest = (bytes) =>
	createHash('sha256').update(bytes).digest('base64').slice(0, 20);

/** Fails with the first line that differs, not with ten thousand. */
export function sameLines(got, wanted, what) {
	const at = wanted.findIndex((text, i) => got[i] !== text);

	assert.ok(at < 0, `${what}: number ${at} is "${got[at]}", ` +
		`not "${wanted[at]}"`);
	assert.equal(got.length, wanted.length, `${what}: how many`);
}
