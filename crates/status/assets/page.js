'use strict';
// Draws what /events says. Nothing is written, nothing is fetched from elsewhere, and no text is read as HTML.
(() => {
  const $ = id => document.getElementById(id);
  const SVG = 'http://www.w3.org/2000/svg';
  const fill = (node, props, kids) => {
    for (const [key, value] of Object.entries(props || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (key === 'style') Object.assign(node.style, value);
      else node.setAttribute(key, value === true ? '' : value);
    }
    node.append(...kids.flat(9).filter(kid => kid !== null && kid !== undefined && kid !== false));
    return node;
  };
  const h = (tag, props, ...kids) => fill(document.createElement(tag), props, kids);
  const s = (tag, props, ...kids) => fill(document.createElementNS(SVG, tag), props, kids);

  // ---- words ----
  const WORDS = { signing: 'Signing', waiting: 'Waiting', standby: 'Standing by', dry_run: 'Dry run', not_signing: 'Not signing', stuck: 'Stuck' };
  const RUNGS = { key_open: 'Key open', journal_good: 'Journal good', node_reached: 'Node reached', right_network: 'Right network', in_sync: 'In sync', registered: 'Registered', allowed_to_sign: 'Allowed to sign', deciding: 'Deciding' };
  const VIEWS = { same: 'same view', behind: 'behind us', ahead: 'ahead of us', other: 'another view', unknown: 'no view yet' };
  const VOTES = { signed: 'signed', pre_committed: 'promised', rejected: 'rejected' };
  const num = n => n === null || n === undefined ? '–' : String(n).replace(/\B(?=(\d{3})+$)/g, ' ');
  const ms = n => n === null || n === undefined ? '–' : n < 1000 ? n + ' ms' : n < 10000 ? (n / 1000).toFixed(1) + ' s' : Math.round(n / 1000) + ' s';
  const age = secs => secs < 120 ? Math.max(0, Math.floor(secs)) + ' s' : secs < 7200 ? Math.floor(secs / 60) + ' min' : secs < 172800 ? Math.floor(secs / 3600) + ' h' : Math.floor(secs / 86400) + ' d';
  const span = secs => secs < 90 ? Math.round(secs) + ' s' : secs < 7200 ? Math.round(secs / 60) + ' min' : secs < 172800 ? (secs / 3600).toFixed(1) + ' h' : (secs / 86400).toFixed(1) + ' days';
  const share = (part, whole) => whole ? Math.floor(part * 100 / whole) + ' %' : '–';
  const short = text => text ? text.slice(0, 8) : '–';
  // What a node calls `Epoch33` or `Epoch2_05`.
  const epoch = text => (text || '').replace(/^Epoch(\d)_?(\d+)$/, 'Epoch $1.$2');
  const plural = (n, one) => n + ' ' + one + (n === 1 ? '' : 's');

  // ---- time: the signer's clock, which need not be this one's ----
  let skew = 0;
  const ago = (at, after) => h('time', { 'data-at': at, 'data-after': after || '', class: 'num' }, age((Date.now() - skew - at) / 1000) + (after || ''));
  const tick = () => {
    for (const node of document.querySelectorAll('time[data-at]')) {
      const text = age((Date.now() - skew - Number(node.dataset.at)) / 1000) + node.dataset.after;
      if (node.textContent !== text) node.textContent = text;
    }
  };

  // ---- small pictures ----
  const icon = kind => {
    const line = (d, more) => s('path', { d, fill: 'none', stroke: 'currentColor', 'stroke-width': 2.4, 'stroke-linecap': 'round', 'stroke-linejoin': 'round', ...more });
    const shapes = {
      yes: [line('M3 8.5l3.4 3.4L13 4.6')],
      no: [line('M4 4l8 8M12 4l-8 8')],
      mind: [line('M8 3v6'), s('circle', { cx: 8, cy: 13, r: 1.5, fill: 'currentColor' })],
      wait: [s('circle', { cx: 8, cy: 8, r: 5, fill: 'none', stroke: 'currentColor', 'stroke-width': 2 })],
      none: [line('M4 8h8')],
    };
    return s('svg', { viewBox: '0 0 16 16', 'aria-hidden': 'true' }, shapes[kind]);
  };
  const mood = state => state === 'signing' ? ['yes', 'ok'] : state === 'not_signing' || state === 'stuck' ? ['no', 'no'] : ['wait', 'dim'];
  const disc = state => {
    const [kind] = mood(state);
    const path = { yes: 'M20 33l9 9 16-19', no: 'M22 22l20 20M42 22L22 42', wait: 'M32 20v13l8 6' }[state === 'some' ? 'no' : kind];
    const still = state !== 'signing';
    $('disc').replaceChildren(
      s('circle', { class: still ? '' : 'ring', cx: 32, cy: 32, r: 30, fill: 'none', stroke: 'currentColor', 'stroke-width': 2, opacity: .4 }),
      s('circle', { cx: 32, cy: 32, r: 24, fill: 'currentColor' }),
      s('path', { d: path, fill: 'none', stroke: 'var(--card)', 'stroke-width': 5, 'stroke-linecap': 'round', 'stroke-linejoin': 'round' }));
    const colour = { yes: '%230a7547', no: '%23b3231b', wait: '%231d5da8' }[kind];
    $('icon').href = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='7' fill='" + colour + "'/%3E%3C/svg%3E";
  };
  const spark = values => {
    const top = Math.max(1, ...values), step = values.length > 1 ? 120 / (values.length - 1) : 0;
    const points = values.map((value, i) => (i * step).toFixed(1) + ',' + (30 - value * 27 / top).toFixed(1));
    if (points.length === 1) points.push('120,' + points[0].split(',')[1]);
    return s('svg', { viewBox: '0 0 120 32', preserveAspectRatio: 'none', role: 'img', 'aria-label': 'The last ' + values.length + ', at most ' + ms(top) },
      s('polygon', { points: '0,31 ' + points.join(' ') + ' 120,31', fill: 'var(--calm)', opacity: .14 }),
      s('polyline', { points: points.join(' '), fill: 'none', stroke: 'var(--calm)', 'stroke-width': 1.6, 'vector-effect': 'non-scaling-stroke', 'stroke-linejoin': 'round' }));
  };
  const ring = cycle => {
    const R = 60, C = 2 * Math.PI * R, part = n => n / cycle.length * C;
    const arc = (from, len, props) => s('circle', { cx: 74, cy: 74, r: R, fill: 'none', 'stroke-width': 14, transform: 'rotate(-90 74 74)', 'stroke-dasharray': len.toFixed(2) + ' ' + (C - len).toFixed(2), 'stroke-dashoffset': (-from).toFixed(2), ...props });
    const prepare = cycle.length - cycle.prepare_length;
    const text = (y, size, words, more) => s('text', { x: 74, y, 'text-anchor': 'middle', 'font-size': size, fill: 'var(--ink)', ...more }, words);
    return s('svg', { viewBox: '0 0 148 148', role: 'img', 'aria-label': 'Burn block ' + cycle.position + ' of ' + cycle.length + ' of reward cycle ' + cycle.number },
      arc(0, C, { stroke: 'var(--track)' }),
      arc(part(prepare), part(cycle.prepare_length), { stroke: 'var(--amber)', opacity: .4 }),
      arc(0, part(cycle.position), { stroke: cycle.in_prepare_phase ? 'var(--amber)' : 'var(--calm)' }),
      text(68, 13, 'cycle', { fill: 'var(--soft)' }), text(92, 24, String(cycle.number), { 'font-weight': 650 }));
  };
  // One segment a signer, as wide as its weight, in the order of the slots: a signer that is missing from
  // several blocks is a gap that runs down the page.
  const who = (block, peers) => {
    const said = new Map(block.votes.map(vote => [vote.slot, vote]));
    const label = share(block.signed_weight, block.total_weight) + ' of the weight signed' + (block.rejected_weight ? ', ' + share(block.rejected_weight, block.total_weight) + ' rejected' : '');
    const seats = peers.length ? peers : block.votes.map(vote => ({ slot: vote.slot, weight: vote.weight, address: '' }));
    return h('span', { class: 'who', role: 'img', 'aria-label': label }, seats.map(peer => {
      const vote = said.get(peer.slot);
      const title = 'Signer ' + peer.slot + (peer.is_us ? ' (this one)' : '') + ', weight ' + peer.weight + ': ' + (vote ? VOTES[vote.kind] + ' after ' + ms(vote.after_ms) + (vote.reason ? ', ' + vote.reason : '') : 'nothing heard');
      return h('i', { class: (vote ? vote.kind : '') + (peer.is_us ? ' us' : ''), title, style: { flexGrow: Math.max(1, peer.weight) } });
    }));
  };

  // ---- sections ----
  const shown = {};
  const put = (id, data, draw) => {
    const key = JSON.stringify(data), node = $(id);
    if (shown[id] === key) return;
    shown[id] = key;
    const focus = document.activeElement && node.contains(document.activeElement) ? document.activeElement.id : '';
    const kids = [draw()].flat().filter(Boolean);
    node.hidden = kids.length === 0;
    node.replaceChildren(...kids);
    if (focus && $(focus)) $(focus).focus({ preventScroll: true });
  };
  const title = (text, more) => h('h2', {}, text, more && h('span', {}, more));
  const pair = (name, ...value) => h('div', {}, h('dt', {}, name), h('dd', {}, value));

  const wide = (name, ...value) => h('div', { class: 'all' }, h('dt', {}, name), h('dd', {}, value));

  const hero = (state, word, headline, remedy, facts) => {
    const text = (id, value) => {
      $(id).hidden = !value;
      if ($(id).textContent !== value) $(id).textContent = value;
    };
    if ($('hero').dataset.state !== state) { $('hero').dataset.state = state; disc(state); }
    text('word', word);
    text('headline', headline ? headline[0].toUpperCase() + headline.slice(1) + '.' : '');
    text('remedy', remedy ? 'What to do: ' + remedy + '.' : '');
    put('facts', facts.map(fact => [fact[0], fact[2]]), () => facts.map(([name, draw]) => h('div', {}, h('dt', {}, name), h('dd', {}, draw()))));
  };
  const alerts = list => put('alerts', list, () => list.length && h('ul', {}, list.map(alert =>
    h('li', { class: alert.severity }, h('span', { class: 'stance' }, icon('mind'), alert.severity), h('b', {}, alert.name), alert.since ? ago(alert.since) : '',
      alert.text && h('p', {}, alert.text, alert.remedy && h('span', { class: 'soft' }, ' → ' + alert.remedy))))));

  const stance = block => {
    const late = block.ours === 'signed' && block.accepted_at && block.answered_at > block.accepted_at;
    if (block.ours === 'signed') return ['yes', late ? 'dim' : 'ok', late ? 'late' : 'signed'];
    if (block.ours === 'rejected') return ['no', 'no', 'rejected'];
    if (block.outcome === 'accepted') return ['mind', 'mind', block.proposed_at ? 'missed' : 'not asked'];
    if (block.ours === 'pre_committed') return ['wait', 'dim', 'promised'];
    return ['wait', 'dim', block.outcome === 'rejected' ? 'silent' : 'judging'];
  };
  const FEW = 12;
  const OUTCOMES = { pending: 'not decided yet', accepted: 'part of the chain', rejected: 'refused by the signers' };
  const steps = block => {
    const start = block.proposed_at || block.seen_at;
    const marks = [['validated', block.validated_at], ['we promised', block.pre_committed_at], ['enough promised', block.threshold_at], [block.ours === 'rejected' ? 'we rejected' : 'we signed', block.answered_at], ['enough signed', block.approved_at], ['node has it', block.accepted_at]]
      .filter(mark => mark[1]).map(([name, at]) => [name, Math.max(0, at - start)]).sort((one, two) => one[1] - two[1]);
    let last = 0;
    const end = Math.max(1, marks.length ? marks[marks.length - 1][1] : 1);
    return [h('div', { class: 'track', 'aria-hidden': 'true' }, marks.map(([, at]) => {
      const part = h('i', { style: { width: ((at - last) * 100 / end) + '%' } });
      last = at;
      return part;
    })), h('ol', { class: 'steps' }, marks.map(([name, at]) => h('li', {}, name, ' ', h('span', { class: 'num soft' }, '+' + ms(at)))))];
  };
  const fate = block => ({ accepted: ['yes', 'ok', 'accepted'], rejected: ['no', 'no', 'refused'] })[block.outcome] || ['wait', 'dim', 'open'];
  const open = new Set();
  let few = true;
  const more = (list, again) => {
    const button = h('button', { class: 'button', type: 'button', id: 'more' }, few ? 'Show all ' + list.length : 'Show fewer');
    button.addEventListener('click', () => { few = !few; again(); });
    return button;
  };
  const blocks = (list, peers, totals) => put('blocks', [list, peers.map(peer => [peer.slot, peer.weight, peer.is_us]), totals, few], () => [
    title('Last blocks', totals && plural(totals.signed, 'block') + ' signed since the start, ' + totals.rejected + ' rejected, ' + totals.missed + ' missed'),
    list.length ? h('div', { class: 'rows' }, list.slice(0, few ? FEW : 99).map(block => {
      const [kind, colour, word] = totals ? stance(block) : fate(block);
      const took = block.proposed_at && block.answered_at ? ms(block.answered_at - block.proposed_at) : '';
      const row = h('details', { class: 'block', 'data-height': block.height, open: open.has(block.sighash) },
        h('summary', { id: 'b' + block.sighash },
          h('b', { class: 'num' }, block.height ? num(block.height) : short(block.sighash)),
          h('span', { class: 'stance ' + colour }, icon(kind), word),
          who(block, peers),
          h('span', { class: 'num right share' }, share(block.signed_weight, block.total_weight)),
          h('span', { class: 'num right soft took' }, took),
          h('span', { class: 'right soft age' }, ago(block.seen_at))),
        h('div', { class: 'more' },
          block.reason && h('p', {}, block.reason),
          steps(block),
          h('p', { class: 'soft' }, 'Block ', h('code', {}, block.sighash.slice(0, 16) + '…'), block.tenure && [' of tenure ', h('code', {}, short(block.tenure))], ': ', OUTCOMES[block.outcome], '. Promised ', share(block.pre_committed_weight, block.total_weight), ', signed ', share(block.signed_weight, block.total_weight), ', rejected ', share(block.rejected_weight, block.total_weight), '.'),
          block.votes.filter(vote => vote.kind === 'rejected').map(vote => h('p', { class: 'no' }, 'Signer ' + vote.slot + ' rejected: ' + (vote.reason || 'no reason given')))));
      row.addEventListener('toggle', () => row.open ? open.add(block.sighash) : open.delete(block.sighash));
      return row;
    })) : h('p', { class: 'soft' }, 'No block was proposed since the start.'),
    list.length > 0 && h('p', { class: 'legend' }, ['signed', 'pre_committed', 'rejected', ''].map(kind => h('span', {}, h('i', { class: kind }), kind ? VOTES[kind] : 'nothing heard')), peers.some(peer => peer.is_us) && h('span', {}, 'underlined: this signer')),
    list.length > FEW && more(list, () => blocks(list, peers, totals)),
  ]);

  const ladder = rungs => put('ladder', rungs, () => {
    if (!rungs.length) return null;
    const first = rungs.findIndex(rung => !rung.holds);
    return [title('Readiness', rungs.filter(rung => rung.holds).length + ' of ' + rungs.length), h('ol', {}, rungs.map((rung, i) =>
      h('li', { class: rung.holds ? '' : i === first ? 'now' : 'off', 'data-rung': rung.rung, 'data-code': rung.code },
        h('span', { class: rung.holds ? 'ok' : i === first ? 'no' : 'dim' }, icon(rung.holds ? 'yes' : i === first ? 'no' : 'none')),
        h('div', {}, h('b', {}, RUNGS[rung.rung] || rung.rung), h('p', { class: i === first ? '' : 'soft' }, rung.text), i === first && rung.remedy && h('p', { class: 'do' }, '→ ' + rung.remedy)),
        h('span', { class: 'soft num' }, ago(rung.since * 1000)))))];
  });

  const seat = one => one.registered
    ? [h('span', { class: 'pill ok' }, icon('yes'), 'Signer ' + one.slot), h('span', { class: 'soft' }, ', weight ' + one.weight + ' of ' + one.total)]
    : [h('span', { class: 'pill ' + (one.reason === 'dry_run' ? 'dim' : 'no') }, icon(one.reason === 'dry_run' ? 'none' : 'no'), 'no seat'), h('span', { class: 'soft' }, ', ' + (one.reason || '').replace(/_/g, ' '))];
  const cycle = (data, seats) => put('cycle', [data, seats], () => {
    if (!data) return [title('Reward cycle'), h('p', { class: 'soft' }, 'The node has not said yet where in a cycle it is.')];
    const next = seats.find(one => one.cycle === data.number + 1), now = seats.find(one => one.cycle === data.number);
    const left = blocks => [h('span', { class: 'num' }, plural(blocks, 'block')), h('span', { class: 'soft' }, ', about ' + span(blocks * data.burn_block_secs))];
    return [title('Reward cycle', 'burn block ' + data.position + ' of ' + data.length), h('div', { class: 'cycle' }, ring(data), h('dl', {},
      pair('Prepare phase', data.in_prepare_phase ? 'now: the next signers are chosen' : left(data.blocks_to_prepare)),
      pair('Cycle ' + (data.number + 1) + ' begins in', left(data.blocks_to_next)),
      now && pair('Cycle ' + data.number, seat(now)),
      seats.length > 0 && pair('Cycle ' + (data.number + 1), next ? seat(next) : h('span', { class: 'soft' }, 'known in the prepare phase'))))];
  });

  const tenure = (chain, data) => put('tenure', [chain, data], () => [title('Chain and tenure', epoch(chain.epoch)), h('dl', { class: 'pairs' },
    pair('Burn block', h('span', { class: 'num' }, num(chain.burn_height)), chain.burn_seen_at && h('span', { class: 'soft' }, ' ', ago(chain.burn_seen_at, ' ago'))),
    pair('Stacks block', h('span', { class: 'num' }, num(chain.stacks_height))),
    data && pair('Tenure', data.id ? h('code', { title: data.id }, short(data.id)) : 'no valid miner', h('span', { class: 'soft' }, ' ', ago(data.since, ' ago'))),
    data && data.miner && pair('Miner', h('code', { title: data.miner }, short(data.miner))),
    data && pair('Blocks of the tenure seen', h('span', { class: 'num' }, num(data.blocks))),
    data && pair('Our view is of burn block', h('span', { class: 'num' }, num(data.burn_height)))),
    data && data.total_weight > 0 && h('div', {}, h('p', { class: 'soft' }, h('br'), share(data.agreeing_weight, data.total_weight) + ' of the weight sees the chain as we do; the mark is at 70 %'),
      h('div', { class: 'meter', 'aria-hidden': 'true' }, h('i', { style: { width: (data.agreeing_weight * 100 / data.total_weight) + '%' } }), h('b')))]);

  const latencies = list => put('latencies', list, () => [title('Latencies', 'of the last hour'), h('div', { class: 'lat' }, list.map(one => h('div', { 'data-name': one.name },
    h('p', {}, one.text[0].toUpperCase() + one.text.slice(1)),
    one.count ? spark(one.recent_ms) : h('span', { class: 'soft' }, 'nothing measured yet'),
    h('span', { class: 'v num' }, h('small', {}, 'median'), ms(one.p50_ms)), h('span', { class: 'v num' }, h('small', {}, '99 of 100'), ms(one.p99_ms)))))]);

  const peers = (list, left, names) => put('peers', [list, left, names], () => {
    if (!list.length) return null;
    const total = list.reduce((sum, peer) => sum + peer.weight, 0);
    const order = [...list].sort((one, two) => two.is_us - one.is_us || two.weight - one.weight || one.slot - two.slot);
    return [title('Signers of the cycle', plural(list.length + left, 'signer')), h('table', {},
      h('thead', {}, h('tr', {}, ['Signer', 'Weight', 'View', 'Signed', 'Heard', 'Program'].map((name, i) => h('th', { scope: 'col', class: i === 3 || i === 5 ? 'cut' : null }, name)))),
      h('tbody', {}, order.map(peer => h('tr', { class: peer.is_us ? 'us' : null },
        h('td', {}, h('span', { class: 'num soft' }, peer.slot + ' '), peer.is_us ? 'this signer' : names[peer.address] ? names[peer.address] : h('code', { title: peer.address }, peer.address.slice(0, 5) + '…' + peer.address.slice(-4))),
        h('td', { class: 'num' }, share(peer.weight, total)),
        h('td', {}, h('span', { class: 'pill ' + (peer.view === 'same' ? 'ok' : peer.view === 'unknown' ? 'dim' : 'mind') }, icon(peer.view === 'same' ? 'yes' : peer.view === 'unknown' ? 'none' : 'mind'), peer.is_us ? 'our view' : VIEWS[peer.view])),
        h('td', { class: 'num cut' }, peer.of ? peer.signed + ' of ' + peer.of : '–'),
        h('td', {}, peer.heard_at ? ago(peer.heard_at) : h('span', { class: 'soft' }, peer.is_us ? '' : 'never')),
        h('td', { class: 'cut soft program', title: peer.version }, peer.version || ''))))),
      left > 0 && h('p', { class: 'soft' }, 'and ' + left + ' more')];
  });

  const queues = data => put('queues', data, () => [title('Queues'), h('dl', { class: 'pairs' },
    pair('Callbacks waiting', h('span', { class: 'num' }, num(data.callbacks_waiting))),
    pair('Callbacks dropped', h('span', { class: 'num' }, num(data.callbacks_dropped))),
    pair('Last callback', data.callback_quiet_secs === null ? 'none yet' : age(data.callback_quiet_secs) + ' ago'),
    pair('Blocks at the node', h('span', { class: 'num' }, num(data.validations)), data.validation_age_ms !== null && h('span', { class: 'soft' }, ', oldest ' + ms(data.validation_age_ms))),
    data.remarks_missed > 0 && pair('Missed by this page', num(data.remarks_missed)))]);
  const signer = (data, instance) => put('signer', [data, instance], () => [title('This signer', data.network), h('dl', { class: 'pairs' },
    wide('Address', h('code', {}, data.address)), wide('Public key', h('code', {}, data.public_key)),
    data.next_public_key && wide('Next public key', h('code', {}, data.next_public_key)),
    wide('Program', data.version), pair('Process', data.pid + ', up ', ago(data.started_at)),
    instance && pair('Instance', instance.state, instance.left_secs ? ', ' + instance.left_secs + ' s left' : ''))]);

  const members = list => put('members', list, () => list.length && [title('Signers of the network', 'each name leads to the signer’s own page'), h('table', {},
    h('thead', {}, h('tr', {}, ['Signer', 'State', 'Block', 'Weight', 'Answer', 'Last blocks'].map((name, i) => h('th', { scope: 'col', class: i > 1 && i < 5 ? 'cut' : null }, name)))),
    h('tbody', {}, list.map(one => {
      const said = one.said, [kind, colour] = said && said.sits_out ? ['none', 'dim'] : said ? mood(said.state) : [one.page ? 'no' : 'none', one.page ? 'no' : 'dim'];
      return h('tr', { 'data-member': one.name, 'data-state': said ? said.sits_out ? 'sits_out' : said.state : 'silent' },
        h('td', {}, one.page ? h('a', { id: 'to-' + one.name, href: one.page }, one.name) : one.name),
        h('td', {}, h('span', { class: 'pill ' + colour, title: said ? said.headline : one.error }, icon(kind), said ? said.sits_out ? 'Sits out' : WORDS[said.state] : one.page ? 'silent' : 'other program'), said && said.alerts.length > 0 && h('small', { class: 'why' }, said.alerts.join(', '))),
        h('td', { class: 'num cut' }, said ? num(said.stacks_height) : '–'),
        h('td', { class: 'num cut' }, said ? num(said.weight) : '–'),
        h('td', { class: 'num cut' }, said && said.p50_ms !== null ? ms(said.p50_ms) : '–'),
        h('td', {}, said ? h('span', { class: 'marks', role: 'img', 'aria-label': said.marks.filter(mark => mark.ours === 'signed').length + ' of the last ' + said.marks.length + ' signed' },
          said.marks.slice(0, innerWidth < 620 ? 8 : 24).reverse().map(mark => h('i', { class: mark.outcome === 'accepted' && mark.ours !== 'signed' && mark.ours !== 'rejected' ? 'missed' : mark.ours, title: 'Block ' + num(mark.height) + ': ' + mark.ours.replace('_', '-') }))) : h('span', { class: 'soft' }, one.error)));
    })))]);

  // ---- the two kinds of page ----
  const common = one => {
    cycle(one.cycle, one.seats);
    tenure(one.chain, one.tenure);
    latencies(one.latencies);
    peers(one.peers, one.peers_left_out, {});
  };
  const fact = (name, at, value) => [name, () => at ? ago(at, ' ago') : '–', [at, value]];
  const drawSigner = one => {
    const last = one.blocks.find(block => block.ours === 'signed');
    hero(one.state, WORDS[one.state] || one.state, one.headline, one.remedy, [
      ['Stacks block', () => num(one.chain.stacks_height), one.chain.stacks_height],
      fact('Last signed', last && last.answered_at),
      ['Missed', () => num(one.totals.missed), one.totals.missed]]);
    document.title = (WORDS[one.state] || one.state) + ' · ' + num(one.chain.stacks_height) + ' · Countersign';
    alerts(one.alerts);
    blocks(one.blocks, one.peers, one.totals);
    ladder(one.ladder);
    common(one);
    queues(one.queues);
    signer(one.signer, one.instance);
  };
  const drawNetwork = net => {
    // Whoever has no seat in this cycle is not waited for.
    const out = net.members.filter(one => one.said && one.said.sits_out);
    const ours = net.members.filter(one => one.page && !out.includes(one)), well = ours.filter(one => one.said && one.said.state === 'signing').length;
    const state = well === ours.length ? 'signing' : well > 0 ? 'some' : 'not_signing', one = net.foremost;
    const odd = ours.filter(one => !one.said || one.said.state !== 'signing').map(one => one.name + ': ' + (one.said ? one.said.headline : one.error));
    hero(state, well + ' of ' + ours.length + ' sign', odd.length ? odd[0] + (odd.length > 1 ? ' (and ' + (odd.length - 1) + ' more)' : '') : 'every signer ' + (out.length ? 'with a seat in this cycle' : 'of the network') + ' is ready' + (out.length ? '; out of it: ' + out.map(one => one.name).join(', ') : ''), '', [
      ['Stacks block', () => num(one && one.chain.stacks_height), one && one.chain.stacks_height],
      ['Burn block', () => num(one && one.chain.burn_height), one && one.chain.burn_height],
      ['Cycle', () => num(one && one.cycle && one.cycle.number), one && one.cycle && one.cycle.number]]);
    document.title = well + ' of ' + ours.length + ' sign · Countersign devnet';
    members(net.members);
    if (!one) return;
    // What all have in common, as the signer sees it that is furthest ahead.
    const all = one.peers.map(peer => ({ ...peer, is_us: false })), names = {};
    for (const member of net.members) if (member.said) names[member.said.address] = member.name;
    blocks(one.blocks, all, null);
    cycle(one.cycle, []);
    tenure(one.chain, one.tenure);
    latencies(one.latencies);
    peers(all, one.peers_left_out, names);
  };

  // ---- the news ----
  let heard = 0, lost = 0, source = null;
  const draw = text => {
    const data = JSON.parse(text);
    skew = Date.now() - data.made_at;
    heard = Date.now();
    if (data.members) drawNetwork(data); else drawSigner(data);
    tick();
    document.body.dataset.updates = Number(document.body.dataset.updates || 0) + 1;
    state(true);
  };
  const state = well => {
    if (well) lost = 0; else lost = lost || Date.now();
    $('hero').classList.toggle('lost', !well);
    $('link').hidden = well;
    if (!well) {
      const text = heard ? 'No connection to the signer. What is shown is old; the page asks again by itself.' : 'The signer does not answer. The page asks again by itself.';
      if ($('link').textContent !== text) $('link').textContent = text;
    }
  };
  const listen = () => {
    if (source) source.close();
    source = new EventSource('/events');
    source.onmessage = event => draw(event.data);
    source.onerror = () => {
      state(false);
      // A browser gives up after a refusal; we do not.
      if (source.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
    };
  };
  listen();
  setInterval(() => {
    tick();
    // Snapshots come every five seconds at least. A connection that says nothing may be dead.
    if (heard && Date.now() - heard > 15000) { state(false); heard = Date.now(); listen(); }
  }, 1000);
})();
