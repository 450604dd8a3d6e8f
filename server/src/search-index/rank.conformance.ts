import assert from "node:assert/strict";
import type { TeamId } from "../ids.ts";
import { titleTokenText } from "./analyze.ts";
import type { SearchIndex } from "./search-index.ts";
import { ask, chunks, places } from "./test-chunks.ts";

interface Guarantee {
  readonly title: string;
  readonly run: (index: SearchIndex, team: TeamId) => Promise<void>;
}

/** What comes first: the part of the port's conformance suite (search-index.conformance.ts) that is about order. */
export const RANK_GUARANTEES: readonly Guarantee[] = [
  {
    title: "an identifier is found as it stands, alone and in a question, however common its pieces are",
    run: async (index, team) => {
      const rows = Array.from({ length: 300 }, (_, n) => {
        const [a, b] = [10 + (n % 30), 10 + ((n * 7) % 30)];
        return `part KT-${a}-${b}, host 10.${a}.${b}.1, date 2024-${a}-${b}, price ${n}`;
      });
      const wanted = "coupling KT-77-20, host 10.20.77.1, date 2024-77-20 on the last page of a long list of parts";
      await index.write(team, chunks("file_1", [...rows, "price of a part, by date and host: see the list", wanted]));
      for (const text of ["KT-77-20", "10.20.77.1", "2024-77-20", "kt7720"])
        for (const query of [text, `price of part ${text}`, `which date belongs to ${text}`, `"${text}" price`])
          assert.equal((await index.rank(team, { ...ask(query), limit: 1 })).candidates[0]?.position, 301, query);
    },
  },
  {
    title:
      "what a text spells in several words is found in one, and the other way round; parts that stand apart are not",
    run: async (index, team) => {
      const texts = [
        "certified by ISO 9001 since May",
        "9001 chairs, none of them ISO",
        "one iPhone 15 in its box",
        "a bolt M8 x 40, oiled",
        "public health care",
        "the HTML parser of a browser",
        "carpet, a car and a pet",
      ];
      await index.write(team, chunks("file_1", texts));
      const cases: readonly (readonly [query: string, found: readonly number[]])[] = [
        ["ISO9001", [0]],
        ["iPhone15", [2]],
        ["M8x40", [3]],
        ["healthcare", [4]],
        ["HTMLParser", [5]],
        ["car pet", [6]],
        ["nothing like carpets", [6]],
        ["9001ISO", []],
      ];
      for (const [query, found] of cases) {
        const { candidates } = await index.rank(team, ask(query));
        assert.deepEqual(
          candidates.map(({ position }) => position),
          found,
          query,
        );
      }
      await index.write(team, chunks("file_2", ["healthcare for seamen", "ISO9001"]));
      for (const [query, first] of [
        ["health care", "file_1/4 file_2/0"],
        ["healthcare", "file_2/0"],
        ["ISO9001", "file_2/1 file_1/0"],
      ] as const)
        assert.equal(places((await index.rank(team, ask(query))).candidates).join(" "), first, query);
    },
  },
  {
    title: "a name in one word outweighs what a wrong text repeats of the question",
    run: async (index, team) => {
      await index.write(
        team,
        chunks("file_1", ["risk with BRCA2: 1 risk", "course on F: a course", "price 7: price", "net, net, net"]),
      );
      await index.write(
        team,
        chunks("file_2", ["BRCA1 carriers", "F# for analysts", "4006381333931 fineliner", "runs on .NET since May"]),
      );
      for (const [query, place] of [
        ["risk with BRCA1", "file_2/0"],
        ["course on F#", "file_2/1"],
        ["price of 4006381333931", "file_2/2"],
        [".NET", "file_2/3"],
      ] as const)
        assert.equal(places((await index.rank(team, ask(query))).candidates)[0], place, query);
    },
  },
  {
    title: "words in quotes that stand together come before the same words apart, and exclude nothing",
    run: async (index, team) => {
      const apart = Array.from({ length: 20 }, (_, n) => `notice ${n}: the default printer, default paper and notice`);
      await index.write(
        team,
        chunks("file_1", [...apart, "this is a longer letter, and a notice of default is in it"]),
      );
      const { candidates } = await index.rank(team, ask('what is a "notice of default" for a printer'));
      assert.equal(candidates[0]?.position, 20);
      assert.equal(candidates.length, 21);
    },
  },
  {
    title: "a title that is the query comes first, whatever the others repeat",
    run: async (index, team) => {
      const title = titleTokenText("rules/of the house/tp.txt", "Travel policy");
      await index.write(team, { ...chunks("file_1", ["Journeys are booked by the office."]), titleTokens: title });
      await index.write(team, {
        ...chunks("file_2", ["travel policy travel policy travel policy"]),
        titleTokens: titleTokenText("faq.txt", "Travel policy questions, travel policy answers"),
      });
      for (const query of [
        "travel policy",
        "Travel policies",
        "policy travel",
        "tp.txt",
        "TP",
        "rules/of the house/tp",
      ])
        assert.equal((await index.rank(team, ask(query))).candidates[0]?.file, "file_1", query);
    },
  },
  {
    title: "a short list is the beginning of a longer one, whatever ties and however much is read again",
    run: async (index, team) => {
      const words = ["alpha", "beta", "KT-55-20", "notice", "of", "default", "e-mail", "maxRetryCount"];
      const files = Array.from({ length: 260 }, (_, n) => `file_${(n * 37) % 260}`);
      for (const [n, name] of files.entries()) {
        const text = Array.from({ length: 2 + (n % 3) }, (_, at) => words[(n * (at + 3) + (n >> 2)) % words.length]);
        await index.write(team, chunks(name, [text.join(" ")], { title: n % 5 === 0 ? "alpha beta" : "note" }));
      }
      for (const query of ["alpha", "alpha beta", "KT-55-20", "notice of default beta", "e-mail maxRetryCount alpha"]) {
        const listed = async (limit: number) => places((await index.rank(team, { ...ask(query), limit })).candidates);
        const all = await listed(1000);
        for (const limit of [1, 36, 99, 100, 116, 200])
          assert.deepEqual(await listed(limit), all.slice(0, limit), `${query}, ${limit}`);
      }
    },
  },
  {
    title: "a sign beside a number is asked for as it stands there, and its number alone finds it too",
    run: async (index, team) => {
      const texts = ["10 ships, 40 kg, 5 up", "10 % off", "costs €40", "costs 40 $", "fell to -5 here", "15 and 90"];
      await index.write(team, chunks("file_1", texts));
      const found = async (text: string) => places((await index.rank(team, ask(text))).candidates);
      for (const [query, first, others] of [
        ["10%", 1, [0]],
        ["40 €", 2, [0, 3]],
        ["$40", 3, [0, 2]],
        ["−5", 4, [0]],
      ] as const) {
        const [best, ...rest] = await found(query);
        assert.equal(best, `file_1/${first}`, query);
        assert.deepEqual(
          rest.sort(),
          others.map((position) => `file_1/${position}`),
          query,
        );
      }
      assert.deepEqual((await found("10")).toSorted(), ["file_1/0", "file_1/1"]);
    },
  },
  {
    title: "a word is not named as ignored when one of its spellings was looked up",
    run: async (index, team) => {
      await index.write(team, chunks("file_1", ["größe und form", "form", "form"]));
      const { candidates, termsIgnored } = await index.rank(team, { ...ask("größe form"), termBudgetRows: 1 });
      assert.deepEqual(places(candidates), ["file_1/0"]);
      assert.deepEqual(termsIgnored, ["form"]);
    },
  },
  {
    title: "in a team of two documents the rarer word decides",
    run: async (index, team) => {
      await index.write(team, chunks("file_1", ["policy, policy owner, policy portal: policy"]));
      const long = `${"orders are binding when confirmed and prices are net ".repeat(12)}, by the refund policy money is paid back`;
      await index.write(team, chunks("file_2", [long]));
      assert.deepEqual(places((await index.rank(team, ask("policy on refunds"))).candidates), ["file_2/0", "file_1/0"]);
    },
  },
  {
    title: "a thousand near-empty chunks do not change which of two long ones comes first",
    run: async (index, team) => {
      const filler = "and so it goes on for a while about the harbour and the ships that lie in it by day ".repeat(6);
      await index.write(team, chunks("file_1", [`${"otter ".repeat(6)}${filler}`, `otter ${filler.slice(0, 60)}`]));
      const first = (await index.rank(team, ask("otter"))).candidates[0]?.position;
      for (let part = 0; part < 5; part++)
        await index.write(
          team,
          chunks(
            `file_${part + 2}`,
            Array.from({ length: 100 }, (_, n) => `x${n}`),
          ),
        );
      assert.equal((await index.rank(team, ask("otter"))).candidates[0]?.position, first);
    },
  },
];
