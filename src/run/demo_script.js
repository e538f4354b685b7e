// demo_script.js: the demonstration's page.
//
// It is told of its own WebSocket by /events, whose first word is the ticket
// by which bowsprit's backend knows which one that is.

const $ = (id) => document.getElementById(id);

const CLASSES = { '=': 'same', '+': 'added', '~': 'changed', '-': 'removed' };
const LEVELS = { 20: 'debug', 40: 'warning', 50: 'error', 60: 'error' };
const KEPT = 500; // messages, and log lines

let ticket;
let socket;
let revealed = false;
const heads = {}; // what 'request' and 'answer' said last
const sent = [];  // when each message went that is not back yet

// --------------------------------------------------------------- small things

function element(name, className, ...content) {
	const e = document.createElement(name);

	if (className)
		e.className = className;
	e.append(...content);
	return e;
}

function timeNow() {
	const now = new Date();
	const part = (n, digits) => String(n).padStart(digits, '0');
	const text = [now.getHours(), now.getMinutes(), now.getSeconds()]
		.map((n) => part(n, 2)).join(':');

	return element('time', '', `${text}.${part(now.getMilliseconds(), 3)}`);
}

// At the end, which stays in view unless somebody has scrolled away from it.
function append(list, item) {
	const follows = list.scrollHeight - list.scrollTop -
		list.clientHeight < 40;

	list.append(item);
	if (list.children.length > KEPT)
		list.firstChild.remove();
	if (follows)
		list.scrollTop = list.scrollHeight;
}

function setState(state, text) {
	$('state').dataset.state = state;
	$('state').textContent = text;
	$('send').disabled = state !== 'open';
	$('toggle').disabled = state === 'opening' || state === 'gone';
	$('toggle').textContent = state === 'closed' ? 'Open another'
		: 'Close the WebSocket';
}

// ------------------------------------------------------------ the two heads

const bare = (line) => line.replace(/\r?\n$/, '');

function endOf(line) {
	const names = { '\r\n': 'CR LF', '\n': 'LF' };
	const end = element('span', 'eol', names[line.slice(bare(line).length)] ?? '');

	end.setAttribute('aria-hidden', 'true');
	return end;
}

// "Cookie: 212 bytes, covered"
function covered(line) {
	const at = line.indexOf(':') + 1;
	const n = bare(line).slice(at).trim().length;

	return [line.slice(0, at) + ' ',
		element('span', 'secret', `•••••• ${n} bytes, covered`)];
}

// The part that another line has otherwise is marked.
function marked(text, { head, tail }, end) {
	const to = Math.max(head, Math.min(text.length, text.length + end - tail));

	return [text.slice(0, head), element('mark', '', text.slice(head, to)),
		text.slice(to)];
}

function cell(side, line, diff) {
	if (line === undefined)
		return element('td', `${side} none`);

	const text = bare(line);
	const content = diff.secret && !revealed ? covered(line)
		: diff.sign === '~' ? marked(text, diff, line.length - text.length)
		: [text];

	return element('td', side, ...content, endOf(line));
}

function row(diff) {
	const name = CLASSES[diff.sign];
	const sign = element('td', 'sign', diff.sign === '-' ? '−' : diff.sign);
	const after = diff.sign === '=' ? diff.before : diff.after;

	sign.setAttribute('aria-label', name);
	return element('tr', name, sign, cell('before', diff.before, diff),
		cell('after', after, diff));
}

// "14 lines arrived as sent, byte for byte; 5 were added."
function summary(lines) {
	const count = (sign) => lines.filter((l) => l.sign === sign &&
		bare(l.before ?? l.after) !== '').length;
	const same = count('=');
	const others = ['~', '-', '+'].filter(count)
		.map((sign) => `${count(sign)} ${CLASSES[sign]}`);
	const bold = element('b', '',
		`${same} ${same === 1 ? 'line' : 'lines'} arrived as sent`);

	return [bold, others.length ? `, byte for byte; ${others.join(', ')}`
		: ', byte for byte, and nothing else'];
}

function show(id) {
	const { lines } = heads[id];

	$(id).querySelector('tbody').replaceChildren(...lines.map(row));
	$(id).querySelector('.summary').replaceChildren(...summary(lines));
	$('reveal').hidden = !Object.values(heads).some((h) =>
		h.lines.some((l) => l.secret));
}

function on(event, handle) {
	events.addEventListener(event, ({ data }) => handle(JSON.parse(data)));
}

$('reveal').onclick = () => {
	revealed = !revealed;
	$('reveal').setAttribute('aria-pressed', revealed);
	$('reveal').textContent = revealed ? 'Cover them again'
		: 'Show covered values';
	Object.keys(heads).forEach(show);
};

// ------------------------------------------------------------------ the log

function showLine({ level, text }) {
	const at = text.search(/: \{ | \{ /);
	const words = at < 0 ? text : text.slice(0, at);
	const item = element('li', level < 30 ? 'debug' : level > 30 ? 'bad' : '',
		timeNow());

	if (LEVELS[level])
		item.append(element('span', 'level', LEVELS[level]));
	item.append(element('span', 'words', words),
		element('span', 'fields', text.slice(words.length)));
	append($('lines'), item);
}

// ------------------------------------------------------------ the WebSocket

function say(way, className, text, ...more) {
	append($('messages'), element('li', className, element('span', 'way', way),
		element('span', '', text, ...more), timeNow()));
}

function onMessage({ data }) {
	const ms = (performance.now() - sent.shift()).toFixed(1);

	say('←', 'back', data, ' ', element('span', 'ms', `after ${ms} ms`));
}

function open() {
	const mine = new WebSocket(
		`${location.origin.replace(/^http/, 'ws')}/ws?ticket=${ticket}`);

	socket?.close();
	socket = mine;
	sent.length = 0;
	setState('opening', 'opening…');
	mine.onopen = () => mine === socket && setState('open', 'open');
	mine.onmessage = onMessage;
	mine.onclose = ({ code }) => {
		if (mine !== socket)
			return;
		say('·', 'note', `closed with code ${code}`);
		if (events.readyState === EventSource.OPEN)
			setState('closed', `closed, code ${code}`);
	};
}

$('form').onsubmit = (event) => {
	event.preventDefault();
	if (socket?.readyState !== WebSocket.OPEN || $('text').value === '')
		return;
	sent.push(performance.now());
	socket.send($('text').value);
	say('→', 'there', $('text').value);
	$('text').value = '';
	$('text').focus();
};

$('toggle').onclick = () => {
	if (socket.readyState === WebSocket.OPEN)
		socket.close(1000);
	else if (socket.readyState === WebSocket.CLOSED)
		open();
};

// ---------------------------------------------------------------- the start

$('origin').textContent = location.origin;

const events = new EventSource('/events');

on('ticket', (value) => {
	ticket = value;
	open();
});
for (const id of ['request', 'answer']) {
	on(id, (value) => {
		heads[id] = value;
		show(id);
		$('which').textContent = `(id ${value.id})`;
	});
}
on('line', showLine);
events.onerror = () => setState('gone',
	events.readyState === EventSource.CLOSED
		? 'no news from bowsprit: reload this page'
		: 'bowsprit is gone; trying again');
