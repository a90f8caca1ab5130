"""What is kept about a person, to hand out; what others see of them; and forgetting."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from bot.chat import UserId
from bot.domain import retention
from bot.domain.chain import canonical
from bot.domain.grammar import folded
from bot.text import T, shown
from storage import alerts, availability, cards, entries, escalation, fair, notes, outbox, people, plans, reach, surveys
from storage.database import Reader, Transaction
from storage.instants import from_us, to_us
from storage.people import Committee

Shows = Literal["first", "full"]
"""What of a name others see; where neither is chosen, the nickname, or else the whole name."""

MENTIONS_MAX = 20
"""A name in more of other people's notes than this is a common word, and those notes are theirs."""
_AT_ONCE_MAX = 100

_MINE = """(SELECT id FROM members WHERE person_id = ?1 UNION SELECT member_id FROM absorbed
            WHERE into_id IN (SELECT id FROM members WHERE person_id = ?1))"""
_CHATS = "(SELECT private_chat_id FROM identities WHERE person_id = ?1)"
_USERS = "(SELECT user FROM identities WHERE person_id = ?1)"


# --- handing out -----------------------------------------------------------------------------------------------

SECTIONS: Mapping[str, str] = {
    "person": "SELECT language, created_us AS known_since_us FROM persons WHERE id = ?1",
    "accounts": "SELECT user AS account, name, username, language FROM identities WHERE person_id = ?1",
    "private_chats": f"SELECT address, title, topic, open FROM chats WHERE private = 1 AND id IN {_CHATS}",
    "memberships": f"""SELECT c.name AS committee, m.name, m.nickname, m.shown AS chosen, m.called AS others_see,
            m.active, m.child, i.called AS invited_by, h.called AS spoken_for_by,
            (SELECT group_concat(o.called, ', ') FROM members o WHERE o.household_id = m.household_id AND o.id <> m.id)
                AS household,
            m.seen_on, m.asked_on, m.vanished_on, m.organizing, m.joined_us, m.newcomer_until_us,
            m.suspended_until_us, m.left_us, m.forgotten_us
        FROM members m JOIN committees c ON c.id = m.committee_id LEFT JOIN members i ON i.id = m.invited_by
        LEFT JOIN members h ON h.id = m.helper_id WHERE m.id IN {_MINE} ORDER BY m.id""",
    "speaks_for": f"""SELECT c.name AS committee, m.called AS name FROM members m
        JOIN committees c ON c.id = m.committee_id WHERE m.helper_id IN {_MINE} ORDER BY m.id""",
    "left_to_the_committee": f"""SELECT c.name AS committee, t.number FROM leftovers l
        JOIN transfers t ON t.id = l.transfer_id JOIN committees c ON c.id = t.committee_id
        WHERE l.member_id IN {_MINE} ORDER BY t.id""",
    "asked_whether_still_there": f"SELECT asked_on FROM dormant WHERE member_id IN {_MINE}",
    "merged_memberships": f"SELECT at_us FROM absorbed WHERE into_id IN {_MINE}",
    "polls_made_again": f"""SELECT c.name AS committee, p.kind, n.text AS words, t.text AS name, p.process, p.method,
            p.secrecy, p.minutes, p.rrule, p.made_us, p.ended_us
        FROM poll_patterns p JOIN committees c ON c.id = p.committee_id
        LEFT JOIN notes n ON n.thing = 'pattern:' || p.id LEFT JOIN notes t ON t.thing = 'pattern_name:' || p.id
        WHERE p.maker_id IN {_MINE} ORDER BY p.id""",
    "roles": f"""SELECT c.name AS committee, r.role, r.from_us, r.term_us, r.until_us FROM roles r
        JOIN members m ON m.id = r.member_id JOIN committees c ON c.id = m.committee_id
        WHERE r.member_id IN {_MINE} ORDER BY r.id""",
    "balances": f"""SELECT c.name AS committee, a.balance AS minutes, a.held AS promised FROM accounts a
        JOIN committees c ON c.id = a.committee_id WHERE a.member_id IN {_MINE} ORDER BY a.id""",
    "balances_beside": f"""SELECT c.name AS committee, a.kind, u.text AS unit,
            CASE WHEN a.unit_id IS NULL THEN a.balance END AS minutes,
            CASE WHEN a.unit_id IS NOT NULL THEN a.balance END AS hundredths, a.held AS promised
        FROM accounts a JOIN committees c ON c.id = a.committee_id LEFT JOIN notes u ON u.thing = 'unit:' || a.unit_id
        WHERE a.owner_id IN {_MINE} ORDER BY a.id""",
    "exchanges_beside": f"""SELECT c.name AS committee, t.number, t.at_us AS when_us, a.kind, u.text AS unit,
            CASE WHEN a.unit_id IS NULL THEN p.minutes END AS minutes,
            CASE WHEN a.unit_id IS NOT NULL THEN p.minutes END AS hundredths,
            (SELECT group_concat(coalesce(w.called, c.name), ', ') FROM postings q
                JOIN accounts b ON b.id = q.account_id LEFT JOIN members w ON w.id = coalesce(b.member_id, b.owner_id)
                WHERE q.transfer_id = t.id AND (q.minutes > 0) <> (p.minutes > 0)) AS with_whom,
            r.called AS recorded_by, v.number AS takes_back, n.text AS note
        FROM postings p JOIN accounts a ON a.id = p.account_id JOIN transfers t ON t.id = p.transfer_id
        JOIN committees c ON c.id = t.committee_id JOIN members r ON r.id = t.recorder_id
        LEFT JOIN transfers v ON v.id = t.reverses_id
        LEFT JOIN notes n ON n.thing = 'transfer:' || t.id LEFT JOIN notes u ON u.thing = 'unit:' || a.unit_id
        WHERE a.owner_id IN {_MINE} ORDER BY t.id DESC""",
    "said_yes_to": f"""SELECT c.name AS committee, g.what, g.since_us FROM enrolments g
        JOIN members m ON m.id = g.member_id JOIN committees c ON c.id = m.committee_id
        WHERE g.member_id IN {_MINE} ORDER BY g.what""",
    "mutual_insurance": f"""SELECT c.name AS committee, i.level, i.before AS level_before, i.raised, i.leaves,
            i.missed AS months_without_putting_in
        FROM insured i JOIN members m ON m.id = i.member_id JOIN committees c ON c.id = m.committee_id
        WHERE i.member_id IN {_MINE} ORDER BY i.member_id""",
    "could_not_work": f"""SELECT c.name AS committee, l.case_id AS goes_on_with, l.level, l.began, l.ended,
            l.before AS days_before, l.wait_months, l.longest_months, l.named
        FROM illnesses l JOIN members m ON m.id = l.member_id JOIN committees c ON c.id = m.committee_id
        WHERE l.member_id IN {_MINE} ORDER BY l.id""",
    "gave_in_the_mutual_insurance": f"""SELECT c.name AS committee, g.period, sum(g.minutes) AS minutes
        FROM insurance_gifts g JOIN members m ON m.id = g.member_id JOIN committees c ON c.id = m.committee_id
        WHERE g.member_id IN {_MINE} GROUP BY c.id, g.period ORDER BY g.period DESC""",
    "income_pool": f"""SELECT c.name AS committee, p.period, p.minutes, p.money, p.got_minutes, p.got_money
        FROM pool_parts p JOIN members m ON m.id = p.member_id JOIN committees c ON c.id = m.committee_id
        WHERE p.member_id IN {_MINE} ORDER BY p.period DESC""",
    "ways_of_counting_asked_for": f"""SELECT c.name AS committee, s.version, s.entry, s.parameters, s.at_us
        FROM schemes s JOIN committees c ON c.id = s.committee_id WHERE s.member_id IN {_MINE} ORDER BY s.version""",
    "exchanges": f"""SELECT c.name AS committee, t.number, t.at_us AS when_us, p.minutes,
            (SELECT group_concat(coalesce(w.called, c.name), ', ') FROM postings q
                JOIN accounts b ON b.id = q.account_id LEFT JOIN members w ON w.id = b.member_id
                WHERE q.transfer_id = t.id AND (q.minutes > 0) <> (p.minutes > 0)) AS with_whom,
            r.called AS recorded_by, v.number AS takes_back, o.post_id AS from_the_board,
            x.confirmed_us AS looked_at_us, n.text AS note
        FROM postings p JOIN accounts a ON a.id = p.account_id JOIN transfers t ON t.id = p.transfer_id
        JOIN committees c ON c.id = t.committee_id JOIN members r ON r.id = t.recorder_id
        LEFT JOIN transfers v ON v.id = t.reverses_id LEFT JOIN notes n ON n.thing = 'transfer:' || t.id
        LEFT JOIN origins o ON o.transfer_id = t.id
        LEFT JOIN proxied x ON x.transfer_id = t.id AND x.member_id = a.member_id
        WHERE a.member_id IN {_MINE} ORDER BY t.id DESC""",
    "kinds_of_tasks": f"""SELECT DISTINCT c.name AS committee, t.number, f.class, f.said, f.weighed, f.kind_id AS kind,
            coalesce(k.category, n.text) AS called, f.at_us
        FROM efforts f JOIN transfers t ON t.id = f.transfer_id JOIN postings p ON p.transfer_id = t.id
        JOIN accounts a ON a.id = p.account_id JOIN committees c ON c.id = f.committee_id
        LEFT JOIN task_kinds k ON k.id = f.kind_id LEFT JOIN notes n ON n.thing = 'task_kind:' || k.id
        WHERE a.member_id IN {_MINE} ORDER BY t.number DESC""",
    "months_by_effort": f"""SELECT c.name AS committee, w.period, w.minutes, w.even, w.pleasant, w.unpleasant, w.quoted,
            w.change, w.rated, w.told FROM weighed w JOIN accounts a ON a.id = w.account_id
        JOIN committees c ON c.id = w.committee_id WHERE a.member_id IN {_MINE} ORDER BY w.period DESC""",
    "done_for_each_other": f"""SELECT c.name AS committee, coalesce(m.called, c.name) AS with_whom,
            h.one_id = a.id AS counted_from_you, h.net, h.high, h.low, h.other_id AS other
        FROM helped h JOIN accounts a ON a.id IN (h.one_id, h.other_id)
        JOIN accounts b ON b.id IN (h.one_id, h.other_id) AND b.id <> a.id
        JOIN committees c ON c.id = h.committee_id LEFT JOIN members m ON m.id = b.member_id
        WHERE a.member_id IN {_MINE} ORDER BY b.id""",
    "said_of_others_effort": f"""SELECT c.name AS committee, b.period, b.kind_id AS kind, m.called AS about_whom,
            b.level
        FROM ballots b JOIN committees c ON c.id = b.committee_id JOIN members m ON m.id = b.member_id
        WHERE b.rater_id IN {_MINE} ORDER BY b.period DESC""",
    "effort_as_others_see_it": f"""SELECT c.name AS committee, r.period, r.kind_id AS kind, r.intensity AS thousandths
        FROM rated r JOIN committees c ON c.id = r.committee_id WHERE r.member_id IN {_MINE} ORDER BY r.period DESC""",
    "votes_in_progress": f"""SELECT c.name AS committee, p.number AS poll, w.draft, w.at AS changes,
            h.called AS filled_in_by
        FROM papers w JOIN polls p ON p.id = w.poll_id JOIN committees c ON c.id = p.committee_id
        LEFT JOIN members h ON h.id = w.holder_id
        WHERE w.voter IN (SELECT CAST(id AS TEXT) FROM {_MINE}) OR w.holder_id IN {_MINE} ORDER BY p.id DESC""",
    "votes_two_tellers_enter": f"""SELECT c.name AS committee, p.number AS poll, v.called AS voter, t.called AS teller,
            e.how, e.choice
        FROM teller_entries e JOIN polls p ON p.id = e.poll_id JOIN committees c ON c.id = p.committee_id
        JOIN members v ON v.id = e.member_id JOIN members t ON t.id = e.teller_id
        WHERE e.member_id IN {_MINE} OR e.teller_id IN {_MINE} ORDER BY p.id DESC""",
    "proxies": f"""SELECT c.name AS committee, g.called AS giver, h.called AS holder, p.number AS in_poll, x.given_us,
            x.until_us, x.ended_us
        FROM proxies x JOIN committees c ON c.id = x.committee_id JOIN members g ON g.id = x.giver_id
        JOIN members h ON h.id = x.holder_id LEFT JOIN polls p ON p.id = x.poll_id
        WHERE x.giver_id IN {_MINE} OR x.holder_id IN {_MINE} ORDER BY x.id DESC""",
    "votes_on_paper_since": f"SELECT since_us FROM paper_voters WHERE member_id IN {_MINE}",
    "waiting_exchanges": f"""SELECT c.name AS committee, r.called AS recorded_by, e.state, e.at_us, e.expires_us,
            e.legs, e.plain, e.policy, e.policy_version, e.scheme,
            e.post_id AS from_the_board, (SELECT t.number FROM transfers t
                WHERE t.id = e.reverses_id) AS would_take_back,
            (SELECT t.number FROM transfers t WHERE t.id = e.transfer_id) AS became,
            (SELECT group_concat(m.called, ', ') FROM approvals y JOIN members m ON m.id = y.member_id
                WHERE y.exchange_id = e.id AND y.said_us IS NULL) AS waits_for,
            (SELECT sum(h.minutes) FROM holds h JOIN accounts k ON k.id = h.account_id
                WHERE h.exchange_id = e.id AND k.member_id IN {_MINE}) AS promised, n.text AS note
        FROM exchanges e JOIN committees c ON c.id = e.committee_id JOIN members r ON r.id = e.recorder_id
        LEFT JOIN notes n ON n.thing = 'exchange:' || e.together
        WHERE e.recorder_id IN {_MINE} OR e.id IN (SELECT exchange_id FROM approvals WHERE member_id IN {_MINE})
        ORDER BY e.id DESC""",
    "given": f"""SELECT c.name AS committee, coalesce(m.called, c.name) AS to_whom, g.minutes FROM given g
        JOIN accounts a ON a.id = g.account_id JOIN accounts b ON b.id = g.to_id
        JOIN committees c ON c.id = a.committee_id LEFT JOIN members m ON m.id = b.member_id
        WHERE a.member_id IN {_MINE} ORDER BY g.to_id""",
    "stands_without_a_yes": f"SELECT count(*) AS chosen FROM trusting WHERE member_id IN {_MINE}",
    "stands_without_a_yes_from": f"""SELECT c.name AS committee, m.called AS who FROM trusting_some s
        JOIN members m ON m.id = s.trusted_id JOIN committees c ON c.id = m.committee_id
        WHERE s.member_id IN {_MINE} ORDER BY s.trusted_id""",
    "trusted_with_a_yes": f"SELECT count(*) AS by_members FROM trusting_some WHERE trusted_id IN {_MINE}",
    "proposals": f"""SELECT c.name AS committee, p.number, p.command, p.arguments, p.state, p.outcome, p.created_us,
            p.expires_us FROM proposals p JOIN committees c ON c.id = p.committee_id
        WHERE p.proposer_id IN {_MINE} ORDER BY p.id DESC""",
    "polls_made": f"""SELECT c.name AS committee, p.number, p.round, q.text AS question, p.process, p.method, p.rule,
            p.secrecy, p.state, p.made_us, p.opens_us, p.opened_us, p.closes_us, p.closed_us, p.command, p.arguments,
            p.verdict, p.result FROM polls p JOIN committees c ON c.id = p.committee_id
        LEFT JOIN notes q ON q.thing = 'poll:' || p.id WHERE p.maker_id IN {_MINE} ORDER BY p.id""",
    "polls_with_a_vote": f"""SELECT c.name AS committee, p.number AS poll FROM poll_roll r
        JOIN polls p ON p.id = r.poll_id JOIN committees c ON c.id = p.committee_id
        WHERE r.member_id IN {_MINE} ORDER BY p.id""",
    "votes_with_names": f"""SELECT c.name AS committee, p.number AS poll, b.choice, b.how FROM poll_ballots b
        JOIN polls p ON p.id = b.poll_id JOIN committees c ON c.id = p.committee_id
        WHERE p.secrecy = 'open' AND b.voter IN (SELECT CAST(id AS TEXT) FROM members WHERE id IN {_MINE})
        ORDER BY p.id""",
    "agreed_to": f"""SELECT c.name AS committee, p.number AS proposal, s.at_us FROM consents s
        JOIN proposals p ON p.id = s.proposal_id JOIN committees c ON c.id = p.committee_id
        WHERE s.member_id IN {_MINE} ORDER BY s.at_us DESC""",
    "in_the_log": f"""SELECT c.name AS committee, e.number, e.kind, e.at_us FROM entries e
        JOIN committees c ON c.id = e.committee_id
        WHERE e.committee_id IN (SELECT committee_id FROM members WHERE id IN {_MINE})
            AND (json_extract(e.body, '$.member') IN {_MINE} OR json_extract(e.body, '$.recorder') IN {_MINE})
        ORDER BY e.at_us DESC""",
    "messages_waiting": f"""SELECT o.created_us, o.reply_to, (SELECT group_concat(json_extract(value, '$[0]'), '')
            FROM json_each(o.body, '$.spans')) AS words FROM outbox o
        WHERE o.state = 'waiting' AND o.chat_id IN {_CHATS} AND coalesce(instr(o.about, ' alert_exact:'), 0) = 0
        ORDER BY o.id""",
    # A line of an alert may say where it is exactly, and this is handed out on any network.
    "buttons_for_you": f"""SELECT command, CASE WHEN command <> 'alert' THEN arguments END AS arguments, expires_us,
            used_us FROM buttons
        WHERE member_id IN {_MINE} ORDER BY expires_us DESC""",
    "question_for_you": f"SELECT command, parameter, arguments, expires_us FROM dialogues WHERE member_id IN {_MINE}",
    "cards_in_private": f"SELECT thing FROM cards WHERE chat_id IN {_CHATS} ORDER BY id DESC",
    "codes": f"""SELECT expires_us, used_us, asked_user, taken_user, accounts FROM codes
        WHERE user IN {_USERS} OR taken_user IN {_USERS} OR asked_user IN {_USERS} OR member_id IN {_MINE}""",
    "wrong_codes": f"SELECT at_us FROM guesses WHERE user IN {_USERS} ORDER BY at_us DESC",
    "events": f"""SELECT i.network, i.event, i.at_us FROM inbox i JOIN identities a ON instr(i.event, a.user) > 0
        WHERE a.user IN {_USERS} ORDER BY i.at_us DESC""",
    "working_groups": f"""SELECT c.name AS committee, g.name, w.from_us, w.until_us FROM working_group_members w
        JOIN working_groups g ON g.id = w.group_id JOIN committees c ON c.id = g.committee_id
        WHERE w.member_id IN {_MINE} ORDER BY w.id DESC""",
    "would_end": f"""SELECT g.name, e.at_us FROM working_group_endings e JOIN working_groups g ON g.id = e.group_id
        WHERE e.member_id IN {_MINE} ORDER BY e.at_us DESC""",
    "wishes": """SELECT budget, until_us, hours, zone, remind AS reminders_of_shifts FROM wishes
        WHERE person_id = ?1""",
    "reminders_of_shifts": f"""SELECT s.local AS begins, r.at_us, r.late FROM reminders r
        JOIN assignments a ON a.id = r.assignment_id JOIN seats e ON e.id = a.seat_id JOIN shifts s ON s.id = e.shift_id
        WHERE a.member_id IN {_MINE} ORDER BY r.at_us DESC""",
    "reminders": f"""SELECT u.created_us, u.sent_us, u.key, (SELECT group_concat(json_extract(value, '$[0]'), '')
            FROM json_each(u.body, '$.spans')) AS words FROM nudges u
        WHERE u.member_id IN {_MINE} ORDER BY u.id DESC""",
    "written": f"""SELECT w.thing, w.at_us, s.language, s.text FROM written w
        LEFT JOIN second_texts s ON s.thing = w.thing WHERE w.member_id IN {_MINE} ORDER BY w.id DESC""",
    "came_in": """SELECT c.name AS committee, b.called AS added_by FROM brought r
        JOIN committees c ON c.id = r.committee_id JOIN members b ON b.id = r.by_id WHERE r.person_id = ?1""",
    "asked_to_join": f"""SELECT a.number, a.state, a.expires_us, v.called AS vouched_by FROM admissions a
        LEFT JOIN members v ON v.id = a.vouched_by WHERE a.member_id IN {_MINE} ORDER BY a.id DESC""",
    "agreements": f"""SELECT c.name AS committee, t.number, t.ended_us, g.at_us FROM agreed g
        JOIN agreements t ON t.id = g.agreement_id JOIN committees c ON c.id = t.committee_id
        WHERE g.member_id IN {_MINE} ORDER BY g.at_us DESC""",
    "asked_to_organize": f"""SELECT c.name AS committee, q.why, q.asked_us, q.answer FROM rotation_asked q
        JOIN rotations r ON r.id = q.rotation_id JOIN committees c ON c.id = r.committee_id
        WHERE q.member_id IN {_MINE} ORDER BY q.asked_us DESC""",
    "asked_about_you": f"""SELECT c.name AS committee, k.number, k.kind, k.state, k.majority, k.opened_us, k.decided_us,
            k.appealed_us, n.text AS reason, r.text AS reply, a.text AS appeal FROM cases k
        JOIN committees c ON c.id = k.committee_id LEFT JOIN notes n ON n.thing = 'case:' || k.id
        LEFT JOIN notes r ON r.thing = 'reply:' || k.id LEFT JOIN notes a ON a.thing = 'appeal:' || k.id
        WHERE k.member_id IN {_MINE} ORDER BY k.id DESC""",
    "asked_by_you": f"""SELECT c.name AS committee, k.number, k.kind, k.state, k.opened_us, m.called AS about_whom,
            k.opener_id IN {_MINE} AS first, CASE WHEN k.opener_id IN {_MINE} THEN n.text END AS reason FROM cases k
        JOIN committees c ON c.id = k.committee_id JOIN members m ON m.id = k.member_id
        LEFT JOIN notes n ON n.thing = 'case:' || k.id
        WHERE k.opener_id IN {_MINE} OR k.seconder_id IN {_MINE} ORDER BY k.id DESC""",
    "asked_for_care": f"""SELECT c.name AS committee, r.number, r.at_us, t.called AS taken_by, n.text AS words
        FROM care r JOIN committees c ON c.id = r.committee_id LEFT JOIN members t ON t.id = r.taker_id
        LEFT JOIN notes n ON n.thing = 'care:' || r.id WHERE r.writer_id IN {_MINE} ORDER BY r.id DESC""",
    "care_for_others": f"""SELECT r.number, a.at_us, a.passed FROM care_asked a JOIN care r ON r.id = a.care_id
        WHERE a.member_id IN {_MINE} ORDER BY a.at_us DESC""",
    "on_the_board": f"""SELECT c.name AS committee, p.number, p.side, p.category, p.helpers, p.state, p.at_us,
            p.expires_us, p.shown_times AS in_digests, n.text AS words,
            (SELECT group_concat(m.called, ', ') FROM responses r JOIN members m ON m.id = r.member_id
                WHERE r.post_id = p.id AND r.state <> 'withdrawn') AS answered_by
        FROM posts p JOIN committees c ON c.id = p.committee_id LEFT JOIN notes n ON n.thing = 'post:' || p.id
        WHERE p.member_id IN {_MINE} ORDER BY p.id DESC""",
    "answered_on_the_board": f"""SELECT c.name AS committee, p.number, r.state, r.at_us FROM responses r
        JOIN posts p ON p.id = r.post_id JOIN committees c ON c.id = p.committee_id
        WHERE r.member_id IN {_MINE} ORDER BY r.at_us DESC""",
    "lends": f"""SELECT c.name AS committee, i.number, i.days AS days_at_most, i.listed AS on_the_list, i.at_us,
            n.text AS words, (SELECT group_concat(m.called, ', ') FROM loans l JOIN members m ON m.id = l.member_id
                WHERE l.item_id = i.id) AS asked_by
        FROM items i JOIN committees c ON c.id = i.committee_id LEFT JOIN notes n ON n.thing = 'item:' || i.id
        WHERE i.member_id IN {_MINE} ORDER BY i.id DESC""",
    "borrows": f"""SELECT c.name AS committee, i.number, o.called AS of_whom, l.state, l.wish_days, l.wish_first,
            l.wish_last, l.first, l.last, l.longer, l.early, l.at_us, l.since_us FROM loans l
        JOIN items i ON i.id = l.item_id JOIN committees c ON c.id = i.committee_id JOIN members o ON o.id = i.member_id
        WHERE l.member_id IN {_MINE} ORDER BY l.id DESC""",
    "booked": f"""SELECT c.name AS committee, r.number, x.text AS thing, b.state, b.start_us, b.end_us, b.asked_us,
            u.text AS purpose, n.text AS words, b.decided FROM bookings b
        JOIN resources r ON r.id = b.resource_id JOIN committees c ON c.id = r.committee_id
        LEFT JOIN purposes p ON p.id = b.purpose_id LEFT JOIN notes u ON u.thing = 'purpose:' || p.id
        LEFT JOIN notes x ON x.thing = 'resource:' || r.id LEFT JOIN notes n ON n.thing = 'booking:' || b.id
        WHERE b.member_id IN {_MINE} ORDER BY b.id DESC""",
    "stock": f"""SELECT c.name AS committee, n.text AS thing, v.change, v.amount AS thousandths,
            v.total AS there_then_in_thousandths, v.at_us FROM stock_moves v JOIN stock s ON s.id = v.stock_id
        JOIN committees c ON c.id = s.committee_id LEFT JOIN notes n ON n.thing = 'stock:' || s.id
        WHERE v.member_id IN {_MINE} ORDER BY v.id DESC""",
    "asked_of_the_fund": f"""SELECT c.name AS committee, d.number, d.class, d.minutes, d.given, d.urgent, d.rounds,
            d.state, d.at_us, d.ended_us, m.called AS for_whom, t.called AS told_by, h.called AS paid_to,
            n.text AS words FROM fund_needs d
        JOIN committees c ON c.id = d.committee_id JOIN members m ON m.id = d.member_id
        JOIN members t ON t.id = d.teller_id LEFT JOIN members h ON h.id = d.helper_id
        LEFT JOIN notes n ON n.thing = 'fund_need:' || d.id
        WHERE d.member_id IN {_MINE} OR d.teller_id IN {_MINE} ORDER BY d.id DESC""",
    "read_for_the_fund": f"""SELECT c.name AS committee, d.number, r.asked_us, r.opened_us, r.seen_us, r.passed
        FROM fund_readers r JOIN fund_needs d ON d.id = r.need_id JOIN committees c ON c.id = d.committee_id
        WHERE r.member_id IN {_MINE} ORDER BY d.id DESC""",
    "gives_the_fund_each_month": f"""SELECT c.name AS committee, g.minutes, g.since_us FROM contributions g
        JOIN members m ON m.id = g.member_id JOIN committees c ON c.id = m.committee_id
        WHERE g.member_id IN {_MINE}""",
    "orders_begun": f"""SELECT c.name AS committee, o.number, o.price, o.least, o.least_amount, o.state, o.until_us,
            o.since_us, n.text AS words, (SELECT group_concat(k.how || ' ' || k.amount || coalesce(' ' || w.text, ''),
                ', ') FROM order_costs k LEFT JOIN notes w ON w.thing = 'order_cost:' || k.id
                WHERE k.order_id = o.id) AS costs
        FROM orders o JOIN committees c ON c.id = o.committee_id LEFT JOIN notes n ON n.thing = 'order:' || o.id
        WHERE o.member_id IN {_MINE} ORDER BY o.id DESC""",
    "ordered": f"""SELECT c.name AS committee, o.number, m.called AS begun_by, n.text AS thing, l.quantity, l.paid,
            l.collected FROM order_lines l JOIN orders o ON o.id = l.order_id
        JOIN committees c ON c.id = o.committee_id JOIN members m ON m.id = o.member_id
        LEFT JOIN notes n ON n.thing = 'order:' || o.id WHERE l.member_id IN {_MINE} ORDER BY l.id DESC""",
    "turns_to_fetch": f"""SELECT c.name AS committee, o.number AS of_order, s.start_us, s.end_us, s.seats, s.step,
            s.at_us AS announced_us, t.state, t.at_us, n.text AS words FROM order_turns t
        JOIN order_slots s ON s.id = t.slot_id JOIN orders o ON o.id = s.order_id
        JOIN committees c ON c.id = o.committee_id LEFT JOIN notes n ON n.thing = 'order_slot:' || s.id
        WHERE t.member_id IN {_MINE} ORDER BY s.start_us DESC""",
    "barters": f"""SELECT c.name AS committee, b.number, b.proposer_id IS NULL AS found_by_the_bot, b.state, b.at_us,
            b.by_us, b.reminded, p.giver_id IN {_MINE} AS given_by_you,
            CASE WHEN p.giver_id IN {_MINE} THEN r.called ELSE g.called END AS with_whom, o.number AS offer,
            d.number AS need, CASE WHEN p.giver_id IN {_MINE} THEN p.answer END AS your_answer, p.state AS promise,
            p.settle_minutes, p.settle_by IN {_MINE} AS settle_by_you, n.text AS words
        FROM promises p JOIN barters b ON b.id = p.barter_id JOIN committees c ON c.id = b.committee_id
        JOIN members g ON g.id = p.giver_id JOIN members r ON r.id = p.receiver_id
        LEFT JOIN posts o ON o.id = p.offer_id LEFT JOIN posts d ON d.id = p.need_id
        LEFT JOIN notes n ON n.thing = 'promise:' || p.id
        WHERE p.giver_id IN {_MINE} OR p.receiver_id IN {_MINE} ORDER BY p.id DESC""",
    "gifts": f"""SELECT c.name AS committee, g.number, g.at_us, g.undone_us AS taken_back_us,
            (SELECT group_concat(p.side, ' and ') FROM gift_people p WHERE p.gift_id = g.id AND p.member_id IN {_MINE})
                AS you, (SELECT group_concat(m.called, ', ') FROM gift_people p JOIN members m ON m.id = p.member_id
                WHERE p.gift_id = g.id AND p.member_id NOT IN {_MINE}) AS with_whom,
            r.called AS told_by, g.minutes AS minutes_it_took, n.text AS words
        FROM gifts g JOIN committees c ON c.id = g.committee_id JOIN members r ON r.id = g.recorder_id
        LEFT JOIN notes n ON n.thing = 'gift:' || g.id
        WHERE g.recorder_id IN {_MINE} OR g.id IN (SELECT gift_id FROM gift_people WHERE member_id IN {_MINE})
        ORDER BY g.id DESC""",
    "pooling": f"""SELECT c.name AS committee, p.relief AS relief_in_hundredths_of_a_percent, p.extra AS extra_minutes,
            p.leave AS leave_minutes
        FROM pooling p JOIN members m ON m.id = p.member_id JOIN committees c ON c.id = m.committee_id
        WHERE p.member_id IN {_MINE}""",
    "pooled_before": f"""SELECT c.name AS committee, b.from_us, b.until_us FROM pooling_before b
        JOIN members m ON m.id = b.member_id JOIN committees c ON c.id = m.committee_id
        WHERE b.member_id IN {_MINE} ORDER BY b.from_us""",
    "pooled_months": f"""SELECT c.name AS committee, p.period, p.due, p.paid, p.done, p.quota, p.leave, p.short
        FROM pooling_months p JOIN members m ON m.id = p.member_id JOIN committees c ON c.id = m.committee_id
        WHERE p.member_id IN {_MINE} ORDER BY p.period DESC""",
    "worked_for_the_fund": f"""SELECT c.name AS committee, t.number, t.at_us AS when_us, p.minutes FROM pooled p
        JOIN transfers t ON t.id = p.transfer_id JOIN committees c ON c.id = t.committee_id
        JOIN accounts a ON a.id = p.account_id WHERE a.member_id IN {_MINE} ORDER BY t.id DESC""",
    "shifts": f"""SELECT c.name AS committee, x.text AS task, s.local AS begins, s.until, s.start_us,
            s.end_us, e.trainee, e.needed, a.stage, a.agreed, a.state, a.since_us, a.over_us, a.minutes,
            a.onerousness, a.empowerment, t.number AS exchange, n.text AS told_the_next_crew,
            o.state AS signing_off, (SELECT called FROM members WHERE id = o.by_id) AS signed_off_by
        FROM assignments a LEFT JOIN sign_offs o ON o.assignment_id = a.id
        JOIN seats e ON e.id = a.seat_id JOIN shifts s ON s.id = e.shift_id
        JOIN rota_tasks k ON k.id = s.task_id JOIN committees c ON c.id = k.committee_id
        LEFT JOIN transfers t ON t.id = a.transfer_id LEFT JOIN notes x ON x.thing = 'rota_task:' || k.id
        LEFT JOIN notes n ON n.thing = 'handover:' || a.id WHERE a.member_id IN {_MINE} ORDER BY s.start_us DESC""",
    "asked_for_a_shift": f"""SELECT c.name AS committee, x.text AS task, s.local AS begins, q.at_us, q.by_us, q.answer,
            r.state FROM seat_asked q JOIN searches r ON r.id = q.search_id JOIN committees c ON c.id = r.committee_id
        LEFT JOIN seats e ON e.id = r.seat_id LEFT JOIN shifts s ON s.id = e.shift_id
        LEFT JOIN notes x ON x.thing = 'rota_task:' || s.task_id WHERE q.member_id IN {_MINE} ORDER BY q.id DESC""",
    "shifts_somebody_was_looked_for": f"""SELECT c.name AS committee, x.text AS task, s.local AS begins, r.since_us,
            r.state, r.group_us, r.told_us, r.giver_id IN {_MINE} AS you_gave_it_back,
            r.taker_id IN {_MINE} AS you_took_it
        FROM searches r JOIN committees c ON c.id = r.committee_id
        LEFT JOIN seats e ON e.id = r.seat_id LEFT JOIN shifts s ON s.id = e.shift_id
        LEFT JOIN notes x ON x.thing = 'rota_task:' || s.task_id
        WHERE r.giver_id IN {_MINE} OR r.taker_id IN {_MINE} ORDER BY r.id DESC""",
    "swaps": f"""SELECT c.name AS committee, t.kind, t.state, t.since_us, t.by_us,
            t.proposer_id IN {_MINE} AS proposed_by_you,
            (SELECT answer FROM trade_answers WHERE trade_id = t.id AND member_id IN {_MINE}) AS your_answer,
            x.text AS task, s.local AS begins, v.giver_id IN {_MINE} AS you_give_it, v.taker_id IN {_MINE} AS you_get_it
        FROM trades t JOIN trade_moves v ON v.trade_id = t.id JOIN committees c ON c.id = t.committee_id
        LEFT JOIN seats e ON e.id = v.seat_id LEFT JOIN shifts s ON s.id = e.shift_id
        LEFT JOIN notes x ON x.thing = 'rota_task:' || s.task_id
        WHERE t.proposer_id IN {_MINE} OR v.giver_id IN {_MINE} OR v.taker_id IN {_MINE} ORDER BY t.id DESC, v.place""",
    "signed_off_for_others": f"""SELECT c.name AS committee, m.called AS whom, o.state, o.at_us FROM sign_offs o
        JOIN assignments a ON a.id = o.assignment_id JOIN members m ON m.id = a.member_id
        JOIN committees c ON c.id = m.committee_id WHERE o.by_id IN {_MINE} ORDER BY o.at_us DESC""",
    "work_of_before": f"""SELECT c.name AS committee, n.text AS task, w.day, w.at_us AS counts_at_us, w.minutes,
            w.onerousness, w.empowerment, t.state, m.called AS sent_by
        FROM history_works w JOIN history_tables t ON t.id = w.table_id JOIN committees c ON c.id = t.committee_id
        JOIN members m ON m.id = t.member_id LEFT JOIN notes n ON n.thing = 'history_task:' || w.task_id
        WHERE w.member_id IN {_MINE} ORDER BY w.day DESC""",
    "tables_of_work_of_before_you_sent": f"""SELECT c.name AS committee, t.at_us, t.state,
            (SELECT count(*) FROM history_works w WHERE w.table_id = t.id) AS rows
        FROM history_tables t JOIN committees c ON c.id = t.committee_id
        WHERE t.member_id IN {_MINE} ORDER BY t.id DESC""",
    "how_hard_you_say_tasks_are": f"""SELECT c.name AS committee, x.text AS task, r.onerousness, r.empowerment, r.at_us
        FROM task_ratings r JOIN rota_tasks k ON k.id = r.task_id JOIN committees c ON c.id = k.committee_id
        LEFT JOIN notes x ON x.thing = 'rota_task:' || k.id WHERE r.member_id IN {_MINE} ORDER BY r.at_us DESC""",
    "part_in_the_rota": f"""SELECT c.name AS committee, r.share AS minutes_a_month, r.available FROM rota_members r
        JOIN members m ON m.id = r.member_id JOIN committees c ON c.id = m.committee_id
        WHERE r.member_id IN {_MINE} ORDER BY r.member_id""",
    "away": f"""SELECT c.name AS committee, a.first, a.last FROM absences a JOIN members m ON m.id = a.member_id
        JOIN committees c ON c.id = m.committee_id WHERE a.member_id IN {_MINE} ORDER BY a.first DESC""",
    "wishes_for_tasks": f"""SELECT c.name AS committee, w.task, w.wish, coalesce(k.category, n.text) AS called
        FROM task_wishes w JOIN members m ON m.id = w.member_id JOIN committees c ON c.id = m.committee_id
        LEFT JOIN task_kinds k ON 'kind:' || k.id = w.task LEFT JOIN notes n ON n.thing = 'task_kind:' || k.id
        WHERE w.member_id IN {_MINE} ORDER BY w.id DESC""",
    "not_put_together_with": f"""SELECT c.name AS committee, o.called AS who FROM not_with w
        JOIN members o ON o.id = w.other_id JOIN committees c ON c.id = o.committee_id
        WHERE w.member_id IN {_MINE} ORDER BY w.other_id""",
    "skills": f"""SELECT c.name AS committee, n.text AS skill, h.how, h.since_us FROM skill_holders h
        JOIN skills s ON s.id = h.skill_id JOIN committees c ON c.id = s.committee_id
        LEFT JOIN notes n ON n.thing = 'skill:' || s.id WHERE h.member_id IN {_MINE} ORDER BY h.since_us DESC""",
    "wants_to_learn": f"""SELECT c.name AS committee, n.text AS skill FROM skill_learners l
        JOIN skills s ON s.id = l.skill_id JOIN committees c ON c.id = s.committee_id
        LEFT JOIN notes n ON n.thing = 'skill:' || s.id WHERE l.member_id IN {_MINE} ORDER BY s.id DESC""",
    "asked_whether_you_can": f"""SELECT c.name AS committee, n.text AS skill, q.at_us FROM skill_asked q
        JOIN skills s ON s.id = q.skill_id JOIN committees c ON c.id = s.committee_id
        LEFT JOIN notes n ON n.thing = 'skill:' || s.id WHERE q.member_id IN {_MINE} ORDER BY q.at_us DESC""",
    "said_who_can": f"""SELECT c.name AS committee, n.text AS skill, m.called AS about_whom, a.can FROM skill_answers a
        JOIN skills s ON s.id = a.skill_id JOIN committees c ON c.id = s.committee_id
        JOIN members m ON m.id = a.member_id LEFT JOIN notes n ON n.thing = 'skill:' || s.id
        WHERE a.by_id IN {_MINE} ORDER BY s.id DESC""",
    "asked_to_learn": f"""SELECT c.name AS committee, x.text AS task, b.called AS beside_whom, u.state, u.at_us
        FROM understudies u JOIN rota_tasks k ON k.id = u.task_id JOIN committees c ON c.id = k.committee_id
        JOIN members b ON b.id = u.beside_id LEFT JOIN notes x ON x.thing = 'rota_task:' || k.id
        WHERE u.member_id IN {_MINE} ORDER BY u.id DESC""",
    "learnt_beside_you": f"""SELECT c.name AS committee, x.text AS task, w.called AS who, u.at_us
        FROM understudies u JOIN rota_tasks k ON k.id = u.task_id JOIN committees c ON c.id = k.committee_id
        JOIN members w ON w.id = u.member_id LEFT JOIN notes x ON x.thing = 'rota_task:' || k.id
        WHERE u.beside_id IN {_MINE} AND u.state = 'yes' ORDER BY u.id DESC""",
    "calendar_addresses": f"""SELECT c.name AS committee, a.whose AS whose_shifts, a.since_us FROM calendars a
        JOIN members m ON m.id = a.member_id JOIN committees c ON c.id = m.committee_id
        WHERE a.member_id IN {_MINE} ORDER BY a.since_us""",
    "slots_signed_up_for": f"""SELECT c.name AS committee, p.number AS poll, q.text AS what, o.text AS slot, a.place,
            a.asked_us FROM slot_askings a JOIN polls p ON p.id = a.poll_id JOIN committees c ON c.id = p.committee_id
        LEFT JOIN poll_options i ON i.poll_id = p.id AND i.place = a.place
        LEFT JOIN notes q ON q.thing = 'poll:' || p.id LEFT JOIN notes o ON o.thing = 'option:' || i.id
        WHERE a.member_id IN {_MINE} ORDER BY a.id DESC""",
    "must_be_at_a_meeting": f"""SELECT c.name AS committee, p.number AS poll FROM meeting_needed d
        JOIN polls p ON p.id = d.poll_id JOIN committees c ON c.id = p.committee_id
        WHERE d.member_id IN {_MINE} ORDER BY p.id DESC""",
    # Of hidden ones nothing says whose they are.
    "answered_in_words": f"""SELECT c.name AS committee, p.number AS poll, w.text AS question, n.text AS answer
        FROM survey_answers a JOIN survey_questions s ON s.id = a.question_id JOIN polls p ON p.id = s.poll_id
        JOIN committees c ON c.id = p.committee_id LEFT JOIN notes w ON w.thing = 'survey_question:' || s.id
        LEFT JOIN notes n ON n.thing = 'survey_answer:' || a.id
        WHERE a.voter IN (SELECT CAST(id AS TEXT) FROM {_MINE}) ORDER BY a.id DESC""",
    "alerts_you_raised": f"""SELECT c.name AS committee, a.number, a.kind, a.status, a.urgency, a.severity, a.raised_us,
            a.expires_us, a.over_us, a.outcome, w.text AS place, n.text AS words
        FROM alerts a JOIN committees c ON c.id = a.committee_id
        LEFT JOIN notes n ON n.thing = 'alert:' || a.id LEFT JOIN notes w ON w.thing = 'alert_area:' || a.id
        WHERE a.raiser_id IN {_MINE} ORDER BY a.id DESC""",
    "said_in_alerts": f"""SELECT c.name AS committee, a.number AS alert, e.kind, e.at_us, e.data, n.text AS words
        FROM alert_events e JOIN alerts a ON a.id = e.alert_id JOIN committees c ON c.id = a.committee_id
        LEFT JOIN notes n ON n.thing = 'alert_update:' || e.id
        WHERE e.member_id IN {_MINE} ORDER BY e.id DESC""",
    "told_of_alerts": f"""SELECT c.name AS committee, a.number AS alert, p.ring, p.at_us, p.state,
            p.delivered AS the_message_arrived
        FROM alert_pages p JOIN alerts a ON a.id = p.alert_id JOIN committees c ON c.id = a.committee_id
        WHERE p.member_id IN {_MINE} ORDER BY p.alert_id DESC""",
    "phone_number": f"""SELECT c.name AS committee, p.number, p.sees AS seen_by, p.since_us FROM phones p
        JOIN members m ON m.id = p.member_id JOIN committees c ON c.id = m.committee_id
        WHERE p.member_id IN {_MINE} ORDER BY p.member_id""",
    "your_number_was_shown": f"""SELECT c.name AS committee, a.number AS alert, w.called AS to_whom, v.at_us,
            v.told_us AS you_were_told_us
        FROM phone_views v JOIN alerts a ON a.id = v.alert_id JOIN committees c ON c.id = a.committee_id
        JOIN members w ON w.id = v.viewer_id WHERE v.member_id IN {_MINE} ORDER BY v.id DESC""",
    "numbers_shown_to_you": f"""SELECT c.name AS committee, a.number AS alert, m.called AS whose, v.at_us
        FROM phone_views v JOIN alerts a ON a.id = v.alert_id JOIN committees c ON c.id = a.committee_id
        JOIN members m ON m.id = v.member_id WHERE v.viewer_id IN {_MINE} ORDER BY v.id DESC""",
    "asked_to_call_in_alerts": f"""SELECT c.name AS committee, a.number AS alert, r.calls AS took_a_part
        FROM alert_callers r JOIN alerts a ON a.id = r.alert_id JOIN committees c ON c.id = a.committee_id
        WHERE r.member_id IN {_MINE} ORDER BY r.alert_id DESC""",
    "calls_in_alerts": f"""SELECT c.name AS committee, a.number AS alert, k.what,
            k.member_id IN {_MINE} AS you_were_called,
            k.caller_id IN {_MINE} AS you_call, k.tries AS without_an_answer, k.result, k.at_us, k.shown_us
        FROM alert_calls k JOIN alerts a ON a.id = k.alert_id JOIN committees c ON c.id = a.committee_id
        WHERE k.member_id IN {_MINE} OR k.caller_id IN {_MINE} ORDER BY k.alert_id DESC""",
    "told_that_alerts_are_over": f"""SELECT c.name AS committee, a.number AS alert, s.coming AS you_were_coming,
            s.state, s.reminded_us, s.at_us
        FROM alert_stand_downs s JOIN alerts a ON a.id = s.alert_id JOIN committees c ON c.id = a.committee_id
        WHERE s.member_id IN {_MINE} ORDER BY s.alert_id DESC""",
    "sos": f"""SELECT c.name AS committee, p.words, (SELECT group_concat(o.called || CASE k.agreed
                WHEN 1 THEN ' (agreed)' WHEN 0 THEN ' (declined)' ELSE ' (asked)' END, ', ') FROM sos_contacts k
                JOIN members o ON o.id = k.member_id WHERE k.plan_id = p.id) AS told
        FROM sos_plans p JOIN members m ON m.id = p.member_id JOIN committees c ON c.id = m.committee_id
        WHERE p.member_id IN {_MINE} ORDER BY p.id""",
    "told_of_sos": f"""SELECT c.name AS committee, o.called AS of_whom, k.agreed FROM sos_contacts k
        JOIN sos_plans p ON p.id = k.plan_id JOIN members o ON o.id = p.member_id
        JOIN committees c ON c.id = o.committee_id WHERE k.member_id IN {_MINE} ORDER BY p.id""",
    "being_called_to_alerts": f"""SELECT c.name AS committee, w.wakes AS in_quiet_hours, w.near
        FROM alert_wishes w JOIN members m ON m.id = w.member_id JOIN committees c ON c.id = m.committee_id
        WHERE w.member_id IN {_MINE} ORDER BY w.member_id""",
    # Where it is they were shown for a while; it is not handed out anew, wherever that is asked for.
    "shown_where_an_alert_is": f"""SELECT c.name AS committee, a.number AS alert, d.tier, d.at_us, d.ends_us, d.taken_us
        FROM alert_disclosures d JOIN alerts a ON a.id = d.alert_id JOIN committees c ON c.id = a.committee_id
        WHERE d.member_id IN {_MINE} ORDER BY d.id DESC""",
    "named_to_know_where_an_alert_is": f"""SELECT c.name AS committee, a.number AS alert, n.at_us, n.until_us
        FROM alert_named n JOIN alerts a ON a.id = n.alert_id JOIN committees c ON c.id = a.committee_id
        WHERE n.member_id IN {_MINE} ORDER BY n.alert_id DESC""",
    "how_alerts_went": f"""SELECT c.name AS committee, a.number AS alert, d.asked_us, d.truth AS was_real,
            d.in_time AS was_in_time, n.text AS words
        FROM alert_debriefs d JOIN alerts a ON a.id = d.alert_id JOIN committees c ON c.id = a.committee_id
        LEFT JOIN notes n ON n.thing = 'alert_debrief:' || d.id WHERE d.member_id IN {_MINE} ORDER BY d.id DESC""",
    "hours_at_alerts": f"""SELECT c.name AS committee, a.number AS alert, t.number AS exchange
        FROM alert_hours h JOIN alerts a ON a.id = h.alert_id JOIN committees c ON c.id = a.committee_id
        JOIN exchanges e ON e.id = h.exchange_id LEFT JOIN transfers t ON t.id = e.transfer_id
        WHERE h.member_id IN {_MINE} ORDER BY h.alert_id DESC""",
    "your_account_rested": f"""SELECT c.name AS committee, a.number AS alert, p.from_us, p.until_us, p.over_us
        FROM pauses p JOIN committees c ON c.id = p.committee_id LEFT JOIN alerts a ON a.id = p.alert_id
        WHERE p.member_id IN {_MINE} ORDER BY p.id DESC""",
    "reported_to_be_arrested": f"""SELECT c.name AS committee, m.called AS who, r.kind, r.at_us
        FROM pause_reports r JOIN pauses p ON p.id = r.pause_id JOIN committees c ON c.id = p.committee_id
        JOIN members m ON m.id = p.member_id WHERE r.member_id IN {_MINE} ORDER BY r.id DESC""",
    "buddies": f"""SELECT c.name AS committee, m.called AS of_whom, b.called AS buddy, d.agreed, d.at_us
        FROM buddies d JOIN members m ON m.id = d.member_id JOIN members b ON b.id = d.buddy_id
        JOIN committees c ON c.id = m.committee_id
        WHERE d.member_id IN {_MINE} OR d.buddy_id IN {_MINE} ORDER BY d.at_us DESC""",
    "objections": f"""SELECT c.name AS committee, p.number AS poll, o.at_us, o.state, o.seconds AS seconded_by,
            a.number AS answered_by_poll, n.text AS reason
        FROM objections o JOIN polls p ON p.id = o.poll_id AND p.secrecy = 'open'
        JOIN committees c ON c.id = p.committee_id LEFT JOIN polls a ON a.id = o.answer_id
        LEFT JOIN notes n ON n.thing = 'objection:' || o.id
        WHERE CAST(o.voter AS INTEGER) IN {_MINE} ORDER BY o.id DESC""",
    "objections_you_second": f"""SELECT c.name AS committee, p.number AS poll FROM objection_seconds s
        JOIN objections o ON o.id = s.objection_id JOIN polls p ON p.id = o.poll_id
        JOIN committees c ON c.id = p.committee_id WHERE s.member_id IN {_MINE} ORDER BY o.id DESC""",
    "outcomes_you_put_down": f"""SELECT c.name AS committee, p.number AS poll, o.at_us, n.text AS words
        FROM outcomes o JOIN polls p ON p.id = o.poll_id JOIN committees c ON c.id = p.committee_id
        LEFT JOIN notes n ON n.thing = 'outcome:' || o.poll_id WHERE o.member_id IN {_MINE} ORDER BY o.poll_id DESC""",
    "your_parts_in_outcomes": f"""SELECT c.name AS committee, p.number AS poll, t.by_us, t.state, n.text AS words
        FROM outcome_tasks t JOIN polls p ON p.id = t.poll_id JOIN committees c ON c.id = p.committee_id
        LEFT JOIN notes n ON n.thing = 'outcome_task:' || t.id WHERE t.member_id IN {_MINE} ORDER BY t.id DESC""",
    "recalls_about_you": f"""SELECT c.name AS committee, r.role, k.state, k.began_us, k.expires_us, p.number AS poll
        FROM recalls k JOIN roles r ON r.id = k.role_id JOIN committees c ON c.id = k.committee_id
        LEFT JOIN polls p ON p.id = k.poll_id WHERE k.member_id IN {_MINE} ORDER BY k.id DESC""",
    "recalls_you_signed": f"""SELECT c.name AS committee, m.called AS about_whom, r.role FROM recall_signatures s
        JOIN recalls k ON k.id = s.recall_id JOIN roles r ON r.id = k.role_id JOIN members m ON m.id = k.member_id
        JOIN committees c ON c.id = k.committee_id WHERE s.member_id IN {_MINE} ORDER BY k.id DESC""",
    "up_for_election": f"""SELECT c.name AS committee, p.number AS poll, e.role, d.stands, d.given FROM candidates d
        JOIN elections e ON e.poll_id = d.poll_id JOIN polls p ON p.id = d.poll_id
        JOIN committees c ON c.id = p.committee_id WHERE d.member_id IN {_MINE} ORDER BY p.id DESC""",
    "custodian": f"SELECT recipient, since_us FROM custodians WHERE member_id IN {_MINE}",
    "straw_polls": f"""SELECT c.name AS committee, s.number, n.text AS question, s.several, s.made_us, s.ends_us,
            s.ended_us
        FROM straws s JOIN committees c ON c.id = s.committee_id LEFT JOIN notes n ON n.thing = 'straw:' || s.id
        WHERE s.maker_id IN {_MINE} ORDER BY s.id DESC""",
    "visits_to_linked_committees": f"""SELECT p.name AS committee, v.token, v.at_us FROM visits v
        JOIN peers p ON p.id = v.peer_id WHERE v.member_id IN {_MINE} ORDER BY v.at_us DESC""",
    "votes_in_straw_polls": f"""SELECT c.name AS committee, s.number, v.choices AS options_from_0, v.poll, v.event,
            v.at_us
        FROM straw_votes v LEFT JOIN straws s ON s.id = v.straw_id LEFT JOIN committees c ON c.id = s.committee_id
        WHERE v.user IN {_USERS} ORDER BY v.at_us DESC""",
}
"""What is handed out: a question for each part of it. Columns that end in `_us` are instants."""

NOT_ABOUT_A_PERSON: Mapping[str, str] = {
    "meta": "the database's own secrets",
    "straw_options": "what can be chosen in a straw poll, and how often it was",
    "straw_places": "in which chats a straw poll stands",
    "straw_votes.id": "a number",
    "straws.members": "how many members voted in a straw poll",
    "straws.others": "how many others voted in a straw poll",
    "care.never": "whom a request for care must not reach: whoever wrote it is told, and nobody else may know",
    "positions": "how far each network has been read",
    "peer_selves": "a committee's own keys among linked committees",
    "peer_own_keys": "a committee's own keys among linked committees",
    "federations": "which federations a committee is in",
    "peers": "which committees are linked",
    "peer_keys": "the keys of linked committees",
    "peer_trust": "how far a committee trusts another",
    "envelopes": "what committees have sent each other, sealed, until it is deleted",
    "chain_heads": "how far it is known what committees have sent each other",
    "equivocations": "proof that a committee has said two things at once, sealed",
    "quarantined": "how much came that had no effect, and why",
    "posted_again": "what was handed on lately, by hashes",
    "expulsions": "which committee asks to expel which other",
    "expulsion_votes": "what committees say to that",
    "freeze_calls": "which committee asks to freeze which other",
    "move_calls": "which committees want to move to which rooms",
    "links": "with which committees a link comes about, and how far that is",
    "peer_admissions": "which committees a federation may take in",
    "peer_admission_votes": "which committees have said yes or no to that",
    "chain_ends": "how much linked committees have said, by their own word",
    "linked_polls": "what linked committees decide together, in figures",
    "linked_statements": "how linked committees have voted, in figures",
    "wire_spent": "how much linked committees have asked of this one",
    "drill_scores": "how drills went, in figures",
    "rules": "what the committee has set for itself",
    "poll_patterns.rule": "what decides a poll, by the committee's processes",
    "poll_patterned": "which poll comes of which series, by ids",
    "insurance_gifts.case_id": "whom somebody gave for: those who give are told only what the other wishes",
    "fund_rounds": "sums of what was asked of the common fund and given by it",
    "closings": "what was done for all at the end of a month",
    "households": "a household has nothing but its members, who are handed out",
    "due": "what the clock will say, by ids",
    "computations": "what is being worked out, by ids, for a day",
    "keyboards": "which number stands for which button of a message",
    "host": "who runs the bot, in their own words",
    "copies": "when a committee was copied",
    "held": "what a group hears in the morning, with a pseudonym in place of a name that is forgotten",
    "digests": "when a committee has its digest",
    "answers": "which question was answered in a group lately, without words",
    "working_groups": "a working group itself",
    "splits": "that small groups were proposed, by ids",
    "checks": "books that are being recomputed in the night, without words",
    "stopped": "a committee whose books do not add up",
    "resources": "what the committee shares",
    "purposes": "in which order the committee lets things be booked",
    "stock": "how much of something the committee has",
    "units": "in what the committee counts beside hours",
    "carries": "by which exchanges accounts came together, which are handed out",
    "audits": "books that are being recomputed for somebody, without words",
    "categories": "a committee's own kinds of help",
    "task_kinds": "a committee's kinds of tasks, and how hard it says they are",
    "poll_options": "what can be chosen in a committee's polls",
    "poll_receipts": "hashes of ballots, with chance that only voters know",
    "proxies.id": "a number",
    "poll_keys": "what hides who voted what while a poll runs; erased when it closes",
    "poll_ballots.voter": "a member's id, which is handed out as theirs; in a hidden poll it leads to nobody",
    "polls.version": "of the program",
    "polls.extended": "that a poll was open for longer, once",
    "polls.reminded": "how often those who had not voted were reminded",
    "polls.roll_hash": "of a roll that is handed out",
    "polls.active": "how many had been seen lately",
    "polls.commitment": "of chance",
    "polls.seed": "chance",
    "polls.earlier_id": "which poll an amended one goes on from",
    "rota_plans": "the last plan of a rota, by ids, and what it was made from, which is handed out elsewhere",
    "rota_tasks": "the tasks of a committee's rota",
    "trade_answers.id": "a number",
    "shifts_off": "which times of a committee's tasks do not take place",
    "trades.search_id": "for which seat that looks for somebody a swap was proposed",
    "fair_weeks": "how evenly the work of a committee was shared, without names",
    "survey_questions": "what a survey asks, in the committee's words",
    "survey_options": "what can be answered there",
    "poll_tasks": "which task of the rota was made of a meeting or a slot",
    "reminders_stale": "whose reminders are planned anew in a moment, by ids",
    "calendars.digest": "a hash of chance",
    "shifts.revision": "how often the times of a shift have changed",
    "shifts.revised_us": "when the times of a shift last changed",
    "history_tasks": "what tasks are called in a table of work of before, which is handed out with the work",
    "history_works.id": "a number",
    "shifts.minutes": "how long a shift is, which is handed out with what was done",
    "posts.shown_last": "the number of a digest",
    "posts.shown_running": "how many digests running showed it",
    "rotations": "that a committee looks for somebody, for a role or a term",
    "rounds": "which roles of a committee go round, and how",
    "round_draws": "that a draw was announced, by the hash of an entry",
    "chats.working_group_id": "which working group a chat is of",
    "chats.size": "how many people are in a group",
    "chats.hushed": "where in a committee the bot speaks",
    "cards.pinned": "how a card is shown",
    "nudges.outbox_id": "a number",
    "second_texts.salt": "chance",
    "forgotten": "hashes of accounts that are forgotten",
    "committees": "the committee itself",
    "chats.committee_id": "which committee a group belongs to",
    "identities.username_key": "the username again, folded for finding it",
    "identities.name_key": "the name again, folded for finding it",
    "identities.first_key": "the first name again, folded for finding it",
    "identities.local_key": "the username again, folded for finding it",
    "members.name_key": "the name again, folded for finding it",
    "members.first_key": "the first name again, folded for finding it",
    "members.nickname_key": "the nickname again, folded for finding it",
    "absorbed.transfer_id": "the exchange that carried the hours over, which is handed out",
    "notes.salt": "chance",
    "codes.id": "a number",
    "codes.claims_id": "the membership that a code hands over",
    "agreements.committee_id": "the committee whose agreement it is",
    "admissions.committee_id": "the committee that was asked",
    "codes.digest": "a hash of chance",
    "codes.committee_id": "the committee that a code is of",
    "codes.members": "ids of memberships, which are handed out",
    "outbox.key": "chance",
    "outbox.topic": "where in a group",
    "outbox.lane": "how urgent",
    "outbox.about": "ids of what is handed out",
    "outbox.message": "the network's number for a message",
    "cards.committee_id": "whose thing it is",
    "cards.topic": "where in a group",
    "cards.lane": "how urgent",
    "cards.reply_to": "the network's number for a message",
    "cards.wanted": "how new a card should be",
    "cards.sent": "how new a card is",
    "cards.message": "the network's number for a message",
    "cards.key": "chance",
    "buttons.token": "chance",
    "buttons.version": "of the program",
    "buttons.committee_id": "the committee that a button is of",
    "buttons.once": "how a button works",
    "buttons.question": "chance",
    "dialogues.version": "of the program",
    "proposals.version": "of the program",
    "proposals.rule": "who has to agree",
    "entries.hash": "of what is handed out",
    "transfers.entry": "the number of its entry in the log",
    "guesses.id": "a number",
    "alert_pages.outbox_id": "which message it was",
    "phone_views.id": "a number",
    "alert_kinds": "the kinds of alerts of a committee",
    "alert_questions": "what a committee asks of alerts",
    "alert_records": "how alerts turned out, by kind, without persons",
    "linked_alerts": "alerts of linked committees, as all may know them",
    "linked_sent": "what linked committees are told of an alert, as all may know it",
    "linked_tallies": "what a linked committee brings to an alert, in figures",
    "linked_more": "how many alerts of a linked committee wait",
    "sos_plans.salt": "chance",
    "sos_plans.hash": "of a word that is nowhere kept",
    "sos_calls": "whoever looks on must not learn whether an SOS goes on; gone after a day",
    "sos_told": "the same, of those who were told",
    "alert_disclosures.outbox_id": "which message it was",
    "alert_debriefs.id": "a number",
    "alert_counts": "the figures of an alert whose content is deleted",
    "legal_contacts": "whom a committee calls after an arrest, which is no member's",
    "objections.reasoned": "whether it has a reason, which is handed out",
    "outcomes.state": "what became of a decision of the committee",
    "outcomes.review_us": "when the committee looks at a decision again",
    "outcomes.lapse_us": "until when a decision of the committee holds",
    "outcomes.over_us": "since when a decision of the committee does not hold",
    "polls_about": "which poll is about which earlier one",
    "candidates.place": "a number",
}
"""Tables and columns that hold nothing to hand out, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOut:
    """Everything kept about a person. `left_out`: parts of which only the newest rows are in the text."""

    text: str
    counts: Mapping[str, int]
    left_out: tuple[str, ...]


async def hand_out(tx: Reader, person_id: int, *, now: datetime, characters_max: int) -> HandedOut:
    """All that is kept about a person, as JSON that people can read; shorter where it would not fit."""
    rows_max = 5000
    while True:
        found: dict[str, list[dict[str, Any]]] = {}
        counts: dict[str, int] = {}
        for name, sql in SECTIONS.items():
            rows = await tx.all(f"SELECT json_object({_pairs(sql)}) FROM ({sql}) LIMIT {rows_max + 1}", person_id)
            found[name] = [_readable(json.loads(row)) for (row,) in rows[:rows_max]]
            counts[name] = len(rows)
        left_out = tuple(name for name, count in counts.items() if count > rows_max)
        whole = {"made": now.astimezone(UTC).isoformat(), "only_the_newest_of": list(left_out), **found}
        text = json.dumps(whole, ensure_ascii=False, indent=2) + "\n"
        if len(text) <= characters_max or rows_max == 1:
            return HandedOut(text=text, counts=counts, left_out=left_out)
        rows_max = max(1, rows_max // 2)


_ALIAS = re.compile(r"(?:\bAS\s+|\.|^|\s)(\w+)\s*$")


def _pairs(sql: str) -> str:
    """The names of a question's columns, as `json_object` takes them."""
    columns, depth, start = [], 0, len("SELECT ")
    for at in range(start, len(sql)):
        depth += {"(": 1, ")": -1}.get(sql[at], 0)
        ends = depth == 0 and re.match(r"\sFROM\s", sql[at:]) is not None
        if depth == 0 and (sql[at] == "," or ends):
            columns.append(sql[start:at])
            start = at + 1
        if ends:
            break
    names = [found.group(1) for column in columns if (found := _ALIAS.search(column.strip()))]
    assert len(names) == len(columns)
    return ", ".join(f"'{name}', {name}" for name in names)


def _readable(row: Mapping[str, Any]) -> dict[str, Any]:
    """Instants with their zone in place of numbers; nothing for what is not there."""
    out: dict[str, Any] = {}
    for name, value in row.items():
        if value is None:
            continue
        if name.endswith("_us"):
            out[name.removesuffix("_us")] = from_us(value).isoformat()
        else:
            out[name] = value
    return out


# --- what others see -------------------------------------------------------------------------------------------


async def show_as(tx: Transaction, member_id: int, shows: Shows | None) -> None:
    """From now on others see this of the member's name; None: the nickname, or else the whole name."""
    await tx.execute("UPDATE members SET shown = ? WHERE id = ?", shows, member_id)


async def nickname_of(tx: Reader, member_id: int) -> str | None:
    """The nickname, whether or not others see it; None: there is none."""
    nickname = await tx.value("SELECT nickname FROM members WHERE id = ?", member_id)
    return None if nickname is None else str(nickname)


async def shown_things(tx: Reader, committee_id: int, *, limit: int) -> list[str]:
    """What is shown by a committee's cards now, newest first."""
    rows = await tx.all(
        """SELECT thing FROM cards WHERE committee_id = ? GROUP BY thing ORDER BY max(id) DESC LIMIT ?""",
        committee_id,
        limit,
    )
    return [thing for (thing,) in rows]


# --- forgetting ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Told to the program after the commit: somebody was forgotten, so copies must go or forget too."""


DECIDED_ABOUT = ("helper", "new", "who")
"""What the arguments of a decision are called that name a member whom it is about."""
_NOBODYS = "SELECT thing FROM notes WHERE ?1 IS NULL"
NOTES = {
    "transfer": f"""SELECT 'transfer:' || p.transfer_id FROM postings p JOIN accounts a ON a.id = p.account_id
        WHERE coalesce(a.member_id, a.owner_id) IN {_MINE}
        UNION SELECT 'transfer:' || p.transfer_id FROM pooled p JOIN accounts a ON a.id = p.account_id
        WHERE a.member_id IN {_MINE}
        UNION SELECT 'transfer:' || id FROM transfers WHERE recorder_id IN {_MINE}""",
    "exchange": f"""SELECT 'exchange:' || together FROM exchanges WHERE recorder_id IN {_MINE}
        OR id IN (SELECT exchange_id FROM approvals WHERE member_id IN {_MINE})""",
    "case": f"SELECT 'case:' || id FROM cases WHERE member_id IN {_MINE} OR opener_id IN {_MINE}",
    "reply": f"SELECT 'reply:' || id FROM cases WHERE member_id IN {_MINE}",
    "appeal": f"SELECT 'appeal:' || id FROM cases WHERE member_id IN {_MINE}",
    # What was decided stays readable: the words of a closed poll are the committee's.
    "poll": f"""SELECT 'poll:' || id FROM polls
        WHERE maker_id IN {_MINE} AND state NOT IN ('open', 'counting', 'closed')""",
    "option": f"""SELECT 'option:' || o.id FROM poll_options o JOIN polls p ON p.id = o.poll_id
        WHERE p.maker_id IN {_MINE} AND p.state NOT IN ('open', 'counting', 'closed')""",
    "care": f"""SELECT 'care:' || c.id FROM care c WHERE c.writer_id IN {_MINE}
        OR EXISTS (SELECT 1 FROM json_each(c.never) WHERE value IN {_MINE})""",
    "post": f"SELECT 'post:' || id FROM posts WHERE member_id IN {_MINE}",
    "item": f"SELECT 'item:' || id FROM items WHERE member_id IN {_MINE}",
    "fund_need": f"SELECT 'fund_need:' || id FROM fund_needs WHERE member_id IN {_MINE} OR teller_id IN {_MINE}",
    "booking": f"SELECT 'booking:' || id FROM bookings WHERE member_id IN {_MINE}",
    "handover": f"SELECT 'handover:' || id FROM assignments WHERE member_id IN {_MINE}",
    "pattern": f"SELECT 'pattern:' || id FROM poll_patterns WHERE maker_id IN {_MINE}",
    "order": f"SELECT 'order:' || id FROM orders WHERE member_id IN {_MINE}",
    "order_cost": f"""SELECT 'order_cost:' || k.id FROM order_costs k JOIN orders o ON o.id = k.order_id
        WHERE o.member_id IN {_MINE}""",
    "order_slot": f"""SELECT 'order_slot:' || s.id FROM order_slots s JOIN orders o ON o.id = s.order_id
        WHERE o.member_id IN {_MINE}""",
    "linked_poll": _NOBODYS,
    "straw": f"SELECT 'straw:' || id FROM straws WHERE maker_id IN {_MINE}",
    "straw_option": f"""SELECT 'straw_option:' || o.id FROM straw_options o JOIN straws s ON s.id = o.straw_id
        WHERE s.maker_id IN {_MINE}""",
    "promise": f"SELECT 'promise:' || id FROM promises WHERE giver_id IN {_MINE} OR receiver_id IN {_MINE}",
    "gift": f"""SELECT 'gift:' || id FROM gifts WHERE recorder_id IN {_MINE}
        OR id IN (SELECT gift_id FROM gift_people WHERE member_id IN {_MINE})""",
    "alert": f"SELECT 'alert:' || id FROM alerts WHERE raiser_id IN {_MINE}",
    "alert_area": f"SELECT 'alert_area:' || id FROM alerts WHERE raiser_id IN {_MINE}",
    "alert_meet": f"SELECT 'alert_meet:' || id FROM alerts WHERE raiser_id IN {_MINE}",
    "alert_exact": f"SELECT 'alert_exact:' || id FROM alerts WHERE raiser_id IN {_MINE}",
    "alert_debrief": f"SELECT 'alert_debrief:' || id FROM alert_debriefs WHERE member_id IN {_MINE}",
    "alert_update": f"SELECT 'alert_update:' || id FROM alert_events WHERE kind = 'updated' AND member_id IN {_MINE}",
    "objection": f"""SELECT 'objection:' || o.id FROM objections o JOIN polls p ON p.id = o.poll_id
        WHERE p.secrecy = 'open' AND CAST(o.voter AS INTEGER) IN {_MINE}""",
    "outcome": f"SELECT 'outcome:' || poll_id FROM outcomes WHERE member_id IN {_MINE}",
    "outcome_task": f"SELECT 'outcome_task:' || id FROM outcome_tasks WHERE member_id IN {_MINE}",
    # Words of a decision about somebody. Those of all others are the committee's, and only the name goes.
    "decision": f"""SELECT 'decision:' || e.committee_id || ':' || e.number || ':' || w.key
        FROM entries e, json_each(e.body, '$.words') w WHERE e.kind = 'decision'
        AND e.committee_id IN (SELECT committee_id FROM members WHERE id IN {_MINE})
        AND EXISTS (SELECT 1 FROM json_each(e.body, '$.arguments') a
            WHERE a.key IN (SELECT value FROM json_each('{json.dumps([*DECIDED_ABOUT])}')) AND a.value IN {_MINE})""",
    "survey_answer": f"""SELECT 'survey_answer:' || id FROM survey_answers
        WHERE voter IN (SELECT CAST(id AS TEXT) FROM {_MINE})""",
    # The committee's own words, whoever typed them: a role's name, and what all agreed to.
    "alert_kind": _NOBODYS,
    "alert_question": _NOBODYS,
    "legal_contact": _NOBODYS,
    "pattern_name": _NOBODYS,
    "category": _NOBODYS,
    "task_kind": _NOBODYS,
    "rota_task": _NOBODYS,
    "history_task": _NOBODYS,
    "task_skill": _NOBODYS,
    "skill": _NOBODYS,
    "resource": _NOBODYS,
    "purpose": _NOBODYS,
    "stock": _NOBODYS,
    "unit": _NOBODYS,
    "role": _NOBODYS,
    "survey_question": _NOBODYS,
    "survey_option": _NOBODYS,
    "working_group": _NOBODYS,
    "agreement": _NOBODYS,
}
"""For each kind of thing that notes are kept of: those that somebody wrote or that are about them."""


async def pseudonym(tx: Reader, committee: Committee, member_id: int) -> str:
    """What a member is called when the name is forgotten, in the committee's language."""
    n = await tx.value("SELECT count(*) FROM members WHERE committee_id = ? AND id <= ?", committee.id, member_id)
    return shown(T("Former member {n}", n=int(n)), committee.reader)


async def names_of(tx: Reader, person_id: int) -> frozenset[str]:
    """Every name and username by which a person is known here, on any network and in any committee."""
    rows = await tx.all(
        f"""SELECT name FROM identities WHERE person_id = ?1 UNION SELECT username FROM identities WHERE person_id = ?1
            UNION SELECT name FROM members WHERE id IN {_MINE} AND forgotten_us IS NULL
            UNION SELECT nickname FROM members WHERE id IN {_MINE} LIMIT 1000""",
        person_id,
    )
    return frozenset(name for (name,) in rows if name)


async def pseudonymise(tx: Transaction, committee: Committee, member_id: int, *, now: datetime) -> str:
    """From now on a pseudonym stands for the member, whose name is nowhere any more; returns it."""
    name = await pseudonym(tx, committee, member_id)
    key = folded(name)
    await tx.execute(
        """UPDATE members SET name = ?, name_key = ?, first_key = ?, nickname = NULL, nickname_key = NULL, shown = NULL,
               household_id = NULL, forgotten_us = ? WHERE id = ?""",
        name,
        key,
        key.split(" ")[0],
        to_us(now),
        member_id,
    )
    await availability.forget(tx, member_id)
    await escalation.forget(tx, member_id)
    await plans.forget(tx, committee.id, now=now)
    await fair.forget(tx, member_id)
    await surveys.forget(tx, committee.id, member_id)
    await reach.forget(tx, member_id)
    return name


async def memberships(tx: Reader, person_id: int) -> list[tuple[int, int, bool]]:
    """The committee, the id, and whether it goes on, of each of a person's memberships, also those of before."""
    rows = await tx.all(
        f"SELECT committee_id, id, active FROM members WHERE id IN {_MINE} ORDER BY id LIMIT 1000", person_id
    )
    return [(committee_id, id_, bool(active)) for committee_id, id_, active in rows]


async def erase_words(tx: Transaction, person_id: int, names: Collection[str]) -> None:
    """Erase the notes that somebody wrote or that are about them, and what waits to be said of those."""
    things = [thing for sql in NOTES.values() for (thing,) in await tx.all(f"{sql} LIMIT 100000", person_id)]
    mentioned = _finder(names)
    told = await tx.all(
        f"""SELECT n.thing, n.text FROM transfers t JOIN notes n ON n.thing = 'transfer:' || t.id
            WHERE n.text IS NOT NULL AND t.committee_id IN (SELECT committee_id FROM members WHERE id IN {_MINE})
            UNION ALL SELECT n.thing, n.text FROM cases k
            JOIN notes n ON n.thing IN ('case:' || k.id, 'reply:' || k.id, 'appeal:' || k.id)
            WHERE n.text IS NOT NULL AND k.committee_id IN (SELECT committee_id FROM members WHERE id IN {_MINE})
            UNION ALL SELECT n.thing, n.text FROM posts o JOIN notes n ON n.thing = 'post:' || o.id
            WHERE n.text IS NOT NULL AND o.committee_id IN (SELECT committee_id FROM members WHERE id IN {_MINE})
            UNION ALL SELECT n.thing, n.text FROM items i JOIN notes n ON n.thing = 'item:' || i.id
            WHERE n.text IS NOT NULL AND i.committee_id IN (SELECT committee_id FROM members WHERE id IN {_MINE})
            UNION ALL SELECT n.thing, n.text FROM bookings o JOIN resources r ON r.id = o.resource_id
            JOIN notes n ON n.thing = 'booking:' || o.id
            WHERE n.text IS NOT NULL AND r.committee_id IN (SELECT committee_id FROM members WHERE id IN {_MINE})
            UNION ALL SELECT n.thing, n.text FROM assignments a JOIN members w ON w.id = a.member_id
            JOIN notes n ON n.thing = 'handover:' || a.id
            WHERE n.text IS NOT NULL AND w.committee_id IN (SELECT committee_id FROM members WHERE id IN {_MINE})
            UNION ALL SELECT n.thing, n.text FROM fund_needs d JOIN notes n ON n.thing = 'fund_need:' || d.id
            WHERE n.text IS NOT NULL AND d.committee_id IN (SELECT committee_id FROM members WHERE id IN {_MINE})
            UNION ALL SELECT n.thing, n.text FROM orders o JOIN notes n ON n.thing = 'order:' || o.id
            WHERE n.text IS NOT NULL AND o.committee_id IN (SELECT committee_id FROM members WHERE id IN {_MINE})
            UNION ALL SELECT n.thing, n.text FROM orders o JOIN order_costs k ON k.order_id = o.id
            JOIN notes n ON n.thing = 'order_cost:' || k.id
            WHERE n.text IS NOT NULL AND o.committee_id IN (SELECT committee_id FROM members WHERE id IN {_MINE})
            UNION ALL SELECT n.thing, n.text FROM orders o JOIN order_slots s ON s.order_id = o.id
            JOIN notes n ON n.thing = 'order_slot:' || s.id
            WHERE n.text IS NOT NULL AND o.committee_id IN (SELECT committee_id FROM members WHERE id IN {_MINE})
            UNION ALL SELECT n.thing, n.text FROM promises p JOIN barters b ON b.id = p.barter_id
            JOIN notes n ON n.thing = 'promise:' || p.id
            WHERE n.text IS NOT NULL AND b.committee_id IN (SELECT committee_id FROM members WHERE id IN {_MINE})
            UNION ALL SELECT n.thing, n.text FROM gifts g JOIN notes n ON n.thing = 'gift:' || g.id
            WHERE n.text IS NOT NULL AND g.committee_id IN (SELECT committee_id FROM members WHERE id IN {_MINE})
            UNION ALL SELECT n.thing, n.text FROM straws s JOIN straw_options o ON o.straw_id = s.id
            JOIN notes n ON n.thing IN ('straw:' || s.id, 'straw_option:' || o.id)
            WHERE n.text IS NOT NULL AND s.committee_id IN (SELECT committee_id FROM members WHERE id IN {_MINE})
            UNION ALL SELECT n.thing, n.text FROM linked_polls l JOIN notes n ON n.thing = 'linked_poll:' || l.id
            WHERE n.text IS NOT NULL AND l.committee_id IN (SELECT committee_id FROM members WHERE id IN {_MINE})
            UNION ALL SELECT n.thing, n.text FROM survey_answers a JOIN survey_questions q ON q.id = a.question_id
            JOIN polls s ON s.id = q.poll_id JOIN notes n ON n.thing = 'survey_answer:' || a.id
            WHERE n.text IS NOT NULL AND s.committee_id IN (SELECT committee_id FROM members WHERE id IN {_MINE})
            UNION ALL SELECT n.thing, n.text FROM alerts a
            JOIN notes n ON n.thing IN
                ('alert:' || a.id, 'alert_area:' || a.id, 'alert_meet:' || a.id, 'alert_exact:' || a.id)
            WHERE n.text IS NOT NULL AND a.committee_id IN (SELECT committee_id FROM members WHERE id IN {_MINE})
            UNION ALL SELECT n.thing, n.text FROM alert_debriefs d JOIN alerts a ON a.id = d.alert_id
            JOIN notes n ON n.thing = 'alert_debrief:' || d.id
            WHERE n.text IS NOT NULL AND a.committee_id IN (SELECT committee_id FROM members WHERE id IN {_MINE})
            UNION ALL SELECT n.thing, n.text FROM alerts a JOIN alert_events e ON e.alert_id = a.id
            JOIN notes n ON n.thing = 'alert_update:' || e.id
            WHERE n.text IS NOT NULL AND a.committee_id IN (SELECT committee_id FROM members WHERE id IN {_MINE})
            UNION ALL SELECT n.thing, n.text FROM polls p JOIN objections o ON o.poll_id = p.id
            JOIN notes n ON n.thing = 'objection:' || o.id
            WHERE n.text IS NOT NULL AND p.committee_id IN (SELECT committee_id FROM members WHERE id IN {_MINE})
            UNION ALL SELECT n.thing, n.text FROM polls p JOIN notes n ON n.thing = 'outcome:' || p.id
            WHERE n.text IS NOT NULL AND p.committee_id IN (SELECT committee_id FROM members WHERE id IN {_MINE})
            UNION ALL SELECT n.thing, n.text FROM polls p JOIN outcome_tasks t ON t.poll_id = p.id
            JOIN notes n ON n.thing = 'outcome_task:' || t.id
            WHERE n.text IS NOT NULL AND p.committee_id IN (SELECT committee_id FROM members WHERE id IN {_MINE})
            UNION ALL SELECT n.thing, n.text FROM care r JOIN notes n ON n.thing = 'care:' || r.id
            WHERE n.text IS NOT NULL AND r.committee_id IN (SELECT committee_id FROM members WHERE id IN {_MINE})
            LIMIT 100000""",
        person_id,
    )
    mine = set(things)
    others = [thing for thing, text in told if thing not in mine and mentioned.search(text)]
    for thing in [*things, *(others if len(others) <= MENTIONS_MAX else ())]:
        if await notes.erase(tx, thing):
            await cards.changed(tx, await alerts.shown_on(tx, thing) or thing)
            await cards.changed(tx, f"thanks:{thing.partition(':')[2]}")


def _finder(names: Iterable[str]) -> re.Pattern[str]:
    """Finds any of these names as whole words, whatever their case."""
    longest_first = sorted((re.escape(name) for name in names), key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(longest_first)})(?!\w)", re.IGNORECASE)


async def rename(tx: Transaction, committee_id: int, names: Collection[str], pseudonym: str, *, now: datetime) -> None:
    """Put the pseudonym in place of the names in what a committee still has to say, and in what it has put in words."""
    if not names:
        return
    finder = _finder(names)

    def change(text: str) -> str:
        return finder.sub(lambda _: pseudonym, text)

    await _reword(tx, await people.committee(tx, committee_id), change, now=now)
    rows = await tx.all(
        """SELECT id FROM chats WHERE committee_id = ?1 UNION SELECT i.private_chat_id FROM members m
           JOIN identities i ON i.person_id = m.person_id
           WHERE m.committee_id = ?1 AND i.private_chat_id IS NOT NULL LIMIT 100000""",
        committee_id,
    )
    await outbox.rename(tx, [chat for (chat,) in rows], change)
    for table, key, columns in (
        ("proposals", "id", ("arguments", "outcome")),
        ("polls", "id", ("arguments",)),
        ("due", "key", ("arguments",)),
        ("buttons", "token", ("arguments",)),
        ("held", "id", ("body",)),
        ("working_groups", "id", ("name",)),
    ):
        for column in columns:
            found = await tx.all(
                f"""SELECT {key}, {column} FROM {table}
                    WHERE committee_id = ? AND {column} IS NOT NULL AND {column} <> '{{}}' LIMIT 100000""",
                committee_id,
            )
            for id_, text in found:
                changed = canonical(_renamed(json.loads(text), change)) if column == "arguments" else change(text)
                if changed != text:
                    await tx.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", changed, id_)
    reminders = await tx.all(
        """SELECT u.id, u.body FROM nudges u JOIN members m ON m.id = u.member_id
           WHERE m.committee_id = ? AND u.body IS NOT NULL LIMIT 100000""",
        committee_id,
    )
    for id_, body in reminders:
        if (changed := change(body)) != body:
            await tx.execute("UPDATE nudges SET body = ? WHERE id = ?", changed, id_)
    wishes = await tx.all(
        """SELECT w.id, w.task FROM task_wishes w JOIN members m ON m.id = w.member_id
           WHERE m.committee_id = ? AND w.task LIKE 'words:%' LIMIT 100000""",
        committee_id,
    )
    for id_, task in wishes:
        if (changed := change(task)) != task:
            await tx.execute("UPDATE OR REPLACE task_wishes SET task = ? WHERE id = ?", changed, id_)
    questions = await tx.all(
        """SELECT d.member_id, d.arguments FROM dialogues d JOIN members m ON m.id = d.member_id
           WHERE m.committee_id = ? LIMIT 100000""",
        committee_id,
    )
    for member_id, arguments in questions:
        changed = canonical(_renamed(json.loads(arguments), change))
        await tx.execute("UPDATE dialogues SET arguments = ? WHERE member_id = ?", changed, member_id)
    name = await tx.value("SELECT name FROM committees WHERE id = ?", committee_id)
    if name in names:
        # A group without a title was called by the name of whoever set it up.
        await tx.execute("UPDATE committees SET name = ? WHERE id = ?", pseudonym, committee_id)


async def _reword(tx: Transaction, committee: Committee, change: Callable[[str], str], *, now: datetime) -> None:
    """Change the committee's own words: what it has agreed, decided, and named. The chain vouches for the new ones."""
    things = """SELECT thing FROM notes WHERE thing >= 'decision:' || ?1 || ':' AND thing < 'decision:' || ?1 || ';'
        UNION SELECT 'agreement:' || id FROM agreements WHERE committee_id = ?1
        UNION SELECT 'legal_contact:' || id FROM legal_contacts WHERE committee_id = ?1
        UNION SELECT 'category:' || id FROM categories WHERE committee_id = ?1
        UNION SELECT 'task_kind:' || id FROM task_kinds WHERE committee_id = ?1
        UNION SELECT 'rota_task:' || id FROM rota_tasks WHERE committee_id = ?1
        UNION SELECT 'task_skill:' || id FROM rota_tasks WHERE committee_id = ?1
        UNION SELECT 'history_task:' || k.id FROM history_tasks k JOIN history_tables t ON t.id = k.table_id
            WHERE t.committee_id = ?1
        UNION SELECT 'skill:' || id FROM skills WHERE committee_id = ?1
        UNION SELECT 'working_group:' || id FROM working_groups WHERE committee_id = ?1
        UNION SELECT 'resource:' || id FROM resources WHERE committee_id = ?1
        UNION SELECT 'purpose:' || p.id FROM purposes p JOIN resources s ON s.id = p.resource_id
            WHERE s.committee_id = ?1
        UNION SELECT 'stock:' || id FROM stock WHERE committee_id = ?1
        UNION SELECT 'unit:' || id FROM units WHERE committee_id = ?1
        UNION SELECT 'survey_question:' || q.id FROM survey_questions q JOIN polls p ON p.id = q.poll_id
            WHERE p.committee_id = ?1
        UNION SELECT 'survey_option:' || o.id FROM survey_options o JOIN survey_questions q ON q.id = o.question_id
            JOIN polls p ON p.id = q.poll_id WHERE p.committee_id = ?1
        UNION SELECT 'poll:' || id FROM polls WHERE committee_id = ?1
        UNION SELECT 'option:' || o.id FROM poll_options o JOIN polls p ON p.id = o.poll_id WHERE p.committee_id = ?1
        UNION SELECT 'role:' || r.id FROM roles r JOIN members m ON m.id = r.member_id WHERE m.committee_id = ?1"""
    hashes = {}
    for thing, text in await tx.all(
        f"SELECT thing, text FROM notes WHERE text IS NOT NULL AND thing IN ({things}) ORDER BY thing LIMIT 100000",
        committee.id,
    ):
        if (changed := change(text)) != text:
            hashes[thing] = await notes.reword(tx, thing, changed)
            await cards.changed(tx, thing)
    for thing, language, text in await tx.all(
        f"""SELECT thing, language, text FROM second_texts WHERE thing IN ({things})
            ORDER BY thing, language LIMIT 100000""",
        committee.id,
    ):
        if (changed := change(text)) != text:
            hashes[f"{thing}:{language}"] = await notes.keep_second(tx, thing, language, changed)
            await cards.changed(tx, thing)
    for id_, role in await tx.all(
        """SELECT r.id, r.role FROM roles r JOIN members m ON m.id = r.member_id WHERE m.committee_id = ?
           ORDER BY r.id LIMIT 100000""",
        committee.id,
    ):
        if (changed := change(role)) != role:
            await tx.execute("UPDATE roles SET role = ? WHERE id = ?", changed, id_)
    if hashes:
        await entries.append(tx, committee, "reworded", {"words": hashes}, now=now)


def _renamed(value: Any, change: Any) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_renamed(one, change) for one in value]
    if isinstance(value, dict):
        return {name: _renamed(one, change) for name, one in value.items()}
    return value


async def drop_accounts(tx: Transaction, person_id: int, *, now: datetime, but: int | None = None) -> None:
    """The accounts of a person are nobody's, and unknown; so are their private chats, `but` one with last words."""
    users = [
        user for (user,) in await tx.all(f"SELECT user FROM identities WHERE user IN {_USERS} LIMIT 100", person_id)
    ]
    chats = [chat for (chat,) in await tx.all(f"SELECT id FROM chats WHERE private = 1 AND id IN {_CHATS}", person_id)]
    salt = await _salt(tx)
    await tx.execute(f"DELETE FROM buttons WHERE member_id IN {_MINE}", person_id)
    await tx.execute(f"DELETE FROM dialogues WHERE member_id IN {_MINE}", person_id)
    await tx.execute(f"DELETE FROM nudges WHERE member_id IN {_MINE}", person_id)
    await tx.execute(f"DELETE FROM visits WHERE member_id IN {_MINE}", person_id)
    await tx.execute("DELETE FROM wishes WHERE person_id = ?", person_id)
    await tx.execute("DELETE FROM brought WHERE person_id = ?", person_id)
    await tx.execute(f"DELETE FROM codes WHERE member_id IN {_MINE}", person_id)
    await tx.execute(f"DELETE FROM buddies WHERE member_id IN {_MINE} OR buddy_id IN {_MINE}", person_id)
    # What runs goes on, without a name; it is forgotten when it is over for long.
    await tx.execute(
        f"""DELETE FROM pause_reports WHERE EXISTS (SELECT 1 FROM pauses p WHERE p.id = pause_id
            AND p.over_us IS NOT NULL AND (p.member_id IN {_MINE} OR pause_reports.member_id IN {_MINE}))""",
        person_id,
    )
    await tx.execute(f"DELETE FROM pauses WHERE over_us IS NOT NULL AND member_id IN {_MINE}", person_id)
    referring = await people.referring(tx, "identities")
    for user in users:
        for table, column in referring:
            await tx.execute(f"DELETE FROM {table} WHERE {column} = ?", user)
        await tx.execute("DELETE FROM guesses WHERE user = ?", user)
        await tx.execute("DELETE FROM straw_votes WHERE user = ?", user)
        await tx.execute("DELETE FROM inbox WHERE instr(event, ?) > 0", user)
        await tx.execute("UPDATE codes SET accounts = NULL WHERE instr(accounts, ?) > 0", canonical(user))
        await tx.execute("DELETE FROM identities WHERE user = ?", user)
        await tx.execute(
            """INSERT INTO forgotten (account, at_us) VALUES (?, ?)
               ON CONFLICT (account) DO UPDATE SET at_us = max(at_us, excluded.at_us)""",
            hashed(UserId(user), salt),
            to_us(now),
        )
    await tx.execute("UPDATE persons SET language = NULL WHERE id = ?", person_id)
    for chat in chats:
        for (id_,) in await tx.all("SELECT id FROM outbox WHERE chat_id = ? AND state = 'waiting'", chat):
            tx.outgoing.append(outbox.Withdrawn(outbox.thing(id_)))
        for table, column in await people.referring(tx, "chats"):
            await tx.execute(f"DELETE FROM {table} WHERE {column} = ?", chat)
        if chat == but:
            await tx.execute("UPDATE chats SET title = '' WHERE id = ?", chat)
        else:
            await people.forget_place(tx, chat)
    tx.wipe = True
    tx.outgoing.append(Forgotten())


# --- copies that still know ------------------------------------------------------------------------------------


def hashed(user: UserId, salt: str) -> str:
    """What stands for a forgotten account: slow to work out, for accounts are numbers that one could try in turn."""
    return hashlib.scrypt(user.encode(), salt=salt.encode(), n=2**14, r=8, p=1, dklen=16).hex()


async def _salt(tx: Transaction) -> str:
    salt = await tx.value("SELECT value FROM meta WHERE name = 'forgotten_salt'")
    if salt is None:
        salt = tx.token() + tx.token()
        await tx.execute("INSERT INTO meta (name, value) VALUES ('forgotten_salt', ?)", salt)
    return str(salt)


async def last_forgotten(tx: Reader) -> datetime | None:
    """When somebody was last forgotten: copies made before that must go. None: nobody ever was."""
    at_us = await tx.value("SELECT max(at_us) FROM forgotten")
    return None if at_us is None else from_us(at_us)


async def roll(tx: Reader) -> str | None:
    """The list of those who are forgotten, to be kept beside the database; None: nobody is."""
    rows = await tx.all("SELECT account, at_us FROM forgotten ORDER BY account LIMIT 100000")
    if not rows:
        return None
    salt = await tx.value("SELECT value FROM meta WHERE name = 'forgotten_salt'")
    return canonical({"salt": salt, "forgotten": dict(rows)}) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Roll:
    """The list that was kept beside the database."""

    salt: str
    forgotten: Mapping[str, int]

    @classmethod
    def read(cls, text: str) -> Roll:
        """Raises ValueError where it is no such list."""
        found = json.loads(text)
        try:
            return cls(salt=str(found["salt"]), forgotten={str(key): int(at) for key, at in found["forgotten"].items()})
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("no list of the forgotten") from error


async def unknown_of(tx: Reader, roll: Roll) -> frozenset[str]:
    """Who on the list is not forgotten in this database: it is an older copy, put in place again."""
    rows = await tx.all("SELECT account FROM forgotten LIMIT 100000")
    return frozenset(roll.forgotten) - {account for (account,) in rows}


async def accounts(tx: Reader) -> list[tuple[UserId, int, int]]:
    """Every account, its person, and since when that is known (microseconds)."""
    rows = await tx.all(
        "SELECT i.user, i.person_id, p.created_us FROM identities i JOIN persons p ON p.id = i.person_id LIMIT 100000"
    )
    return [(UserId(user), person_id, created_us) for user, person_id, created_us in rows]


async def adopt(tx: Transaction, roll: Roll) -> None:
    """Take over the list into a database that has none, or an older one."""
    await tx.execute(
        """INSERT INTO meta (name, value) VALUES ('forgotten_salt', ?)
           ON CONFLICT (name) DO UPDATE SET value = excluded.value""",
        roll.salt,
    )
    for account, at_us in roll.forgotten.items():
        await tx.execute("INSERT INTO forgotten (account, at_us) VALUES (?, ?) ON CONFLICT DO NOTHING", account, at_us)


async def forget(tx: Transaction, person_id: int, *, now: datetime) -> None:
    """Forget somebody without a word: after a copy was put in place again, or when they left long ago."""
    names = await names_of(tx, person_id)
    await erase_words(tx, person_id, names)
    for committee_id, id_, active in await memberships(tx, person_id):
        committee = await people.committee(tx, committee_id)
        name = await pseudonymise(tx, committee, id_, now=now)
        await rename(tx, committee_id, names, name, now=now)
        if active:
            await people.leave(tx, id_, now=now)
            await entries.append(tx, committee, "left", {"member": id_}, now=now)
    await drop_accounts(tx, person_id, now=now)


# --- in time ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tidied:
    """Told to the program after the commit: copies that an upgrade left behind may be old enough to go."""


async def purge(tx: Transaction, *, now: datetime) -> None:
    """Let go of the names of those who left long ago, of words that nobody needs, and of chats that reach nobody."""
    await tx.execute(
        "UPDATE proposals SET outcome = NULL WHERE state <> 'open' AND outcome IS NOT NULL AND created_us < ?",
        to_us(now - retention.OUTCOMES),
    )
    before = to_us(now - retention.DEPARTED)
    gone = await tx.all(
        """SELECT p.id FROM persons p WHERE EXISTS (SELECT 1 FROM identities WHERE person_id = p.id)
               AND NOT EXISTS (SELECT 1 FROM members m WHERE m.person_id = p.id AND (m.active = 1 OR m.left_us >= ?1))
               AND p.created_us < ?1 ORDER BY p.id LIMIT ?2""",
        before,
        _AT_ONCE_MAX,
    )
    for (person_id,) in gone:
        await forget(tx, person_id, now=now)
    left = await tx.all(
        """SELECT id, committee_id FROM members WHERE active = 0 AND forgotten_us IS NULL AND left_us < ?
           ORDER BY id LIMIT ?""",
        before,
        _AT_ONCE_MAX,
    )
    for id_, committee_id in left:
        await pseudonymise(tx, await people.committee(tx, committee_id), id_, now=now)
    unreached = await tx.all(
        """SELECT id FROM chats c WHERE private = 1
               AND NOT EXISTS (SELECT 1 FROM identities WHERE private_chat_id = c.id)
               AND NOT EXISTS (SELECT 1 FROM outbox WHERE chat_id = c.id AND state = 'waiting') ORDER BY id LIMIT ?""",
        _AT_ONCE_MAX,
    )
    for (chat,) in unreached:
        await people.forget_place(tx, chat)
    tx.outgoing.append(Tidied())
