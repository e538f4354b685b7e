// SPDX-License-Identifier: ISC
//
// What tests/func/peers has behind node:http, as an API of Next.js: run.sh
// puts handler.mjs into the application's folder.  It is not /api/[...path]:
// Next.js ends the upgrades that match a route of its own, those of the
// example behind server.js as well.
import handler from '../../../handler.mjs';

export const config = { api: { bodyParser: false, externalResolver: true } };

export default function api(req, res) {
	req.url = req.url.replace(/^\/api\/peers/, '');
	return handler(req, res);
}
