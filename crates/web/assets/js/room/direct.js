/**
 * The switch for calls from browser to browser. The SDK makes them and falls back to the server; here is
 * only when the switch is there, and what it says.
 *
 * @module
 */

export class DirectSwitch {
  #room;
  #say;
  #onChange;
  #stops;
  /** Whoever switched it off is not called back into it. */
  #isRefused = false;

  /**
   * @param {import("../../../sdk/plenum.js").Room} room
   * @param {{say: (what: string, todo: string) => void, onChange: () => void}} parts
   */
  constructor(room, { say, onChange }) {
    this.#room = room;
    this.#say = say;
    this.#onChange = onChange;
    this.#stops = [
      room.on("direct-call", ({ call }) => this.#ring(call)),
      room.on("direct-state", onChange),
      room.on("participant-joined", () => this.#count()),
    ];
  }

  /** @returns {"hidden" | "off" | "calling" | "on"} */
  get state() {
    const call = this.#room.directCall;
    if (call?.state === "connected") return "on";
    if (call && call.state !== "ended") return "calling";
    return this.#partner ? "off" : "hidden";
  }

  /** The only other one, if there is exactly one that can be called. */
  get #partner() {
    const others = [...this.#room.participants.values()].filter(({ isLocal }) => !isLocal);
    return others.length === 1 && others[0].kind === "room" ? others[0] : null;
  }

  toggle() {
    const isOn = this.state === "off";
    this.#isRefused = !isOn;
    if (isOn) this.#call(this.#partner);
    else this.#room.directCall?.end();
    this.#onChange();
  }

  close() {
    for (const stop of this.#stops) stop();
  }

  async #call(partner) {
    try {
      await this.#room.callDirect(partner.identity);
    } catch {
      if (!this.#isRefused) {
        this.#say("The other browser cannot be reached directly.", "The call goes on through the server.");
      }
    }
    this.#onChange();
  }

  #ring(call) {
    if (this.#isRefused) return call.decline();
    call.accept().catch(() => {});
    const name = call.participant.name || call.participant.identity;
    this.#say(`${name} connects directly with you.`, "Picture and sound then go from browser to browser.");
    this.#onChange();
  }

  /** With three, everything would be sent twice: to the one directly, and to the other by the server. */
  #count() {
    if (this.#room.directCall && !this.#partner) this.#room.directCall.end();
  }
}
