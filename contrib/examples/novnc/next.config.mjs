// SPDX-License-Identifier: ISC
// The root is named because Next otherwise takes the folder of any lock file
// above this one, and watches all of that.

/** @type {import('next').NextConfig} */
const config = {
	turbopack: { root: import.meta.dirname },
	outputFileTracingRoot: import.meta.dirname,
};

export default config;
