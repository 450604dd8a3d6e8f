/** What turns bytes into text; `stream`: more of them follow. */
export interface Decoder {
  decode(bytes: Uint8Array, options?: { readonly stream?: boolean }): string;
}

/**
 * TextDecoder knows the encodings of the web; exports of old programs are in DOS' code pages, too. Throws
 * RangeError for others.
 */
export function decoderOf(encoding: string): Decoder {
  const beyondAscii = CODE_PAGES[DOS_NAMES[encoding] ?? ""];
  return beyondAscii === undefined ? new TextDecoder(encoding) : new DosDecoder(beyondAscii);
}

/** One byte is one character. */
class DosDecoder implements Decoder {
  readonly #beyondAscii: string;

  constructor(beyondAscii: string) {
    this.#beyondAscii = beyondAscii;
  }

  decode(bytes: Uint8Array): string {
    const units = new Uint16Array(bytes.length);
    for (const [at, byte] of bytes.entries())
      units[at] = byte < 0x80 ? byte : this.#beyondAscii.charCodeAt(byte - 0x80);
    return Buffer.from(units.buffer).toString("utf16le");
  }
}

/** Names that declarations use, of the IANA's list. */
const DOS_NAMES: Readonly<Record<string, string>> = {
  ibm437: "437",
  cp437: "437",
  "437": "437",
  ibm850: "850",
  cp850: "850",
  "850": "850",
  ibm852: "852",
  cp852: "852",
  "852": "852",
};

/** The characters of bytes from 0x80 on: America, Western and Central Europe. */
const CODE_PAGES: Readonly<Record<string, string>> = {
  "437":
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐" +
    "└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0",
  "850":
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐" +
    "└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u00ad±‗¾¶§÷¸°¨·¹³²■\u00a0",
  "852":
    "ÇüéâäůćçłëŐőîŹÄĆÉĹĺôöĽľŚśÖÜŤťŁ×čáíóúĄąŽžĘę¬źČş«»░▒▓│┤ÁÂĚŞ╣║╗╝Żż┐" +
    "└┴┬├─┼Ăă╚╔╩╦╠═╬¤đĐĎËďŇÍÎě┘┌█▄ŢŮ▀ÓßÔŃńňŠšŔÚŕŰýÝţ´\u00ad˝˛ˇ˘§÷¸°¨˙űŘř■\u00a0",
};
