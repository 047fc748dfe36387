/** The way that media takes between the two sides of a call. */
export interface Route {
  /** Whether a TURN server is in between. */
  readonly relayed: boolean;
  /** How long it takes there and back, in milliseconds; undefined before it was measured. */
  readonly roundTrip: number | undefined;
}

/** The way that the connection's media takes at present; undefined if there is none. */
export async function currentRoute(pc: RTCPeerConnection): Promise<Route | undefined> {
  const stats = await pc.getStats();
  for (const pair of stats.values() as Iterable<RTCIceCandidatePairStats>) {
    // Only Firefox has `selected`; the others name the chosen pair in the transport.
    if (pair.type !== "candidate-pair" || pair.state !== "succeeded" || !isSelected(pair, stats)) continue;
    const ends = [pair.localCandidateId, pair.remoteCandidateId].map((id) => stats.get(id));
    const seconds = pair.currentRoundTripTime;
    return {
      relayed: ends.some((end) => end?.candidateType === "relay"),
      roundTrip: seconds === undefined ? undefined : Math.ceil(seconds * 1000),
    };
  }
  return undefined;
}

function isSelected(pair: RTCIceCandidatePairStats, stats: RTCStatsReport): boolean {
  if ((pair as { selected?: boolean }).selected) return true;
  return [...stats.values()].some(
    (s: RTCTransportStats) => s.type === "transport" && s.selectedCandidatePairId === pair.id,
  );
}
