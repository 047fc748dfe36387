/** To be run in a tab: gives it a camera that films somebody drawn, who sways a little. */
export function portrait({ wall, lamp, hair, skin, shirt, long }) {
  const width = 640;
  const height = 480;
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const paint = canvas.getContext("2d");

  function shape(colour, ...points) {
    paint.fillStyle = colour;
    paint.beginPath();
    for (const [x, y, rx, ry] of points) paint.ellipse(x, y, rx, ry, 0, 0, 2 * Math.PI);
    paint.fill();
  }

  function draw() {
    const sway = Math.sin(performance.now() / 900);
    const background = paint.createLinearGradient(0, 0, width, height);
    background.addColorStop(0, lamp);
    background.addColorStop(1, wall);
    paint.fillStyle = background;
    paint.fillRect(0, 0, width, height);
    // A shelf with books, and a lamp.
    paint.fillStyle = "rgb(255 255 255 / 25%)";
    paint.fillRect(430, 150, 170, 8);
    ["#c2593f", "#e0b04a", "#4a7f8f", "#8a5a83", "#d9d2c0"].forEach((book, i) => {
      paint.fillStyle = book;
      paint.fillRect(445 + i * 24, 80 + (i % 3) * 10, 18, 70 - (i % 3) * 10);
    });
    shape("rgb(255 244 214 / 70%)", [95, 120, 46, 46]);

    const x = 310 + 8 * sway;
    if (long) shape(hair, [x, 250, 112, 150]);
    shape(shirt, [310 + 3 * sway, 520, 210, 165]);
    shape(skin, [x, 340, 42, 70], [x, 235, 82, 102]);
    shape(hair, [x - 6, 158, 88, 52]);
    if (long) shape(hair, [x - 84, 235, 26, 100], [x + 84, 235, 26, 100]);
    // A face: eyes that blink now and then, and a smile.
    const blink = Math.sin(performance.now() / 370) > 0.985 ? 1 : 9;
    shape("#2a2230", [x - 31 + 3 * sway, 228, 8, blink], [x + 31 + 3 * sway, 228, 8, blink]);
    paint.strokeStyle = "#2a2230";
    paint.lineWidth = 6;
    paint.lineCap = "round";
    paint.beginPath();
    paint.arc(x + 3 * sway, 262, 32, 0.2 * Math.PI, 0.8 * Math.PI);
    paint.stroke();
  }

  setInterval(draw, 50);
  draw();
  navigator.mediaDevices.getUserMedia = async ({ audio, video }) => {
    const stream = video ? canvas.captureStream(20) : new MediaStream();
    if (audio) {
      const silence = new AudioContext().createMediaStreamDestination();
      stream.addTrack(silence.stream.getAudioTracks()[0]);
    }
    return stream;
  };
}

export const people = {
  ana: { wall: "#35546b", lamp: "#7fa3b5", hair: "#3a2418", skin: "#e3b48f", shirt: "#d9654f", long: true },
  bob: { wall: "#6b5a35", lamp: "#c9b27c", hair: "#b9823f", skin: "#f2cdb0", shirt: "#3f6e5a", long: false },
  cleo: { wall: "#4d3a63", lamp: "#9d86b8", hair: "#17131c", skin: "#9a6544", shirt: "#e6c75a", long: false },
};
