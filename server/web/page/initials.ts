const width = 640;
const height = 480;

/** A picture to send where there is no camera: the initials of a name. Until the track is stopped. */
export function pictureOfInitials(name: string): MediaStreamTrack {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d")!;
  draw(context, name);
  const track = canvas.captureStream().getVideoTracks()[0]!;
  // Who comes later needs a picture, too, and only one that is drawn anew is sent.
  const timer = setInterval(() => {
    if (track.readyState === "ended") clearInterval(timer);
    else draw(context, name);
  }, 500);
  return track;
}

function draw(context: CanvasRenderingContext2D, name: string): void {
  context.fillStyle = `hsl(${hue(name)} 45% 30%)`;
  context.fillRect(0, 0, width, height);
  context.fillStyle = "#fff";
  context.font = "600 180px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(initials(name), width / 2, height / 2);
}

/** The first letters of the first and the last word. */
function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const letters = [words[0], words.length > 1 ? words.at(-1) : ""].map((word) => Array.from(word ?? "")[0] ?? "");
  return letters.join("").toUpperCase();
}

/** The same colour for the same name. */
function hue(name: string): number {
  return Array.from(name).reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)!) % 360, 0);
}
