// SPDX-License-Identifier: ISC
//
// runner.mjs: runs tests one after the other and counts them.
//
// A known failure of the reference is a test of what is seen there, so every
// test is expected to pass, and none is skipped.

const LIMIT_MS = 120_000;

const tests = [];
const failures = [];
let passed = 0;
let failed = 0;

/**
 * Declares a test.  `run` is given a `t`: `t.after(fn)` tidies up, and what
 * `t.explain(fn)` returns is shown if the test fails.
 */
export function test(name, run) {
	tests.push({ name, run });
}

/** Runs the tests whose name contains `wanted`; returns an exit status. */
export async function runAll(wanted) {
	for (const { name, run } of tests.filter((t) => t.name.includes(wanted)))
		await runOne(name, run);
	await secondTry();
	console.log(`${passed} passed, ${failed} failed, 0 skipped`);
	return failed > 0 || passed === 0 ? 1 : 0;
}

/**
 * A test or two that failed are run again; what passes then counts as passed,
 * and is seen in the log.  More than two are no matter of a busy machine.
 */
async function secondTry() {
	if (failures.length > 2)
		return;
	for (const { name, run } of failures.splice(0)) {
		console.log(`second try: ${name}`);
		failed--;
		await runOne(name, run);
	}
}

async function runOne(name, run) {
	const began = Date.now();
	const tidy = [];
	const explanations = [];

	try {
		await within(LIMIT_MS, run({
			after: (fn) => tidy.unshift(fn),
			explain: (fn) => explanations.push(fn),
		}));
		passed++;
		console.log(`ok ${name} (${Date.now() - began} ms)`);
	} catch (error) {
		failures.push({ name, run });
		report(name, error, explanations);
	}
	for (const fn of tidy)
		await fn();
}

function report(name, error, explanations) {
	failed++;
	console.log(`FAILED ${name}`);
	for (const text of [error.stack ?? error, ...explanations.map((f) => f())])
		console.log(String(text).replace(/^/gm, '    '));
	console.log(`    again: sh contrib/run-tests.sh e2e -k '${name}'`);
}

export async function within(ms, promise) {
	let timer;
	const limit = new Promise((_, reject) => {
		timer = setTimeout(
			() => reject(new Error(`not done within ${ms} ms`)), ms);
	});

	try {
		return await Promise.race([promise, limit]);
	} finally {
		clearTimeout(timer);
	}
}

/** Waits until `probe` gives something true, and returns that. */
export async function until(what, probe, ms = 30_000) {
	const end = Date.now() + ms;
	let seen;

	while (!(seen = await probe())) {
		if (Date.now() > end)
			throw new Error(`${what}: not within ${ms} ms`);
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
	return seen;
}
