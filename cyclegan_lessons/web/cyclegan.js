/* Chapter 2 once more, in JavaScript: the paper's generator, in a page that computes by itself.

   A map is {channels, height, width, data}: `data` is a Float32Array with one channel after the
   other, and in each channel one row after the other. Nothing here needs a page, so the same file
   runs in a page, in a worker, and under Node, where a test compares it with MindSpore. All of it
   is one function, because a worker gets its program as text, and a function knows its text. */

function cyclegan() {
  "use strict";

  function makeMap(channels, height, width) {
    return { channels, height, width, data: new Float32Array(channels * height * width) };
  }

  // ---- Layers: nn.ReflectionPad2d, nn.Conv2d, nn.Conv2dTranspose, InstanceNorm2d, ReLU, tanh ----

  // n more pixels on each side, as in a mirror that stands on the last pixel: 2 1 | 0 1 2 3 | 2 1
  function reflectionPad(x, n) {
    const y = makeMap(x.channels, x.height + 2 * n, x.width + 2 * n);
    const mirror = (i, size) => size - 1 - Math.abs(size - 1 - Math.abs(i));
    for (let c = 0, o = 0; c < y.channels; c++) {
      for (let row = 0; row < y.height; row++) {
        const start = (c * x.height + mirror(row - n, x.height)) * x.width;
        for (let column = 0; column < y.width; column++, o++) {
          y.data[o] = x.data[start + mirror(column - n, x.width)];
        }
      }
    }
    return y;
  }

  function zeroPad(x, n) {
    const y = makeMap(x.channels, x.height + 2 * n, x.width + 2 * n);
    for (let row = 0; row < x.channels * x.height; row++) {
      const c = Math.floor(row / x.height);
      const to = (row + (2 * c + 1) * n) * y.width + n;
      y.data.set(x.data.subarray(row * x.width, (row + 1) * x.width), to);
    }
    return y;
  }

  // One row of two output channels, `gap` apart: n sums each, and each grows by four products of a
  // weight and an input. Nearly all of the time is spent here. One product after the other would
  // be four times as slow: here an input that was read serves twice, and a sum is stored once.
  function addProducts(out, to, gap, toStep, input, from, fromStep, n, offsets, weights, t) {
    const [first, second] = weights;
    const a = from + offsets[t], b = from + offsets[t + 1];
    const c = from + offsets[t + 2], d = from + offsets[t + 3];
    const p = first[t], q = first[t + 1], r = first[t + 2], s = first[t + 3];
    const u = second[t], v = second[t + 1], w = second[t + 2], z = second[t + 3];
    for (let k = 0, i = 0, o = to; k < n; k++, i += fromStep, o += toStep) {
      const e = input[a + i], f = input[b + i], g = input[c + i], h = input[d + i];
      out[o] += p * e + q * f + r * g + s * h;
      out[o + gap] += u * e + v * f + w * g + z * h;
    }
  }

  // Lengthen a list of n numbers to a multiple of four: a weight of 0 changes nothing.
  function fours(values, n, Type) {
    const list = new Type(Math.ceil(n / 4) * 4);
    list.set(values);
    return list;
  }

  // weight: out×in×kernel×kernel; without padding.
  function convolution(x, { weight, bias, kernel }, stride = 1) {
    const height = Math.floor((x.height - kernel) / stride) + 1;
    const width = Math.floor((x.width - kernel) / stride) + 1;
    const y = makeMap(bias.length, height, width), size = height * width;
    const pair = new Float32Array(2 * size); // two channels at once
    const offsets = []; // where the inputs of one output lie
    for (let c = 0; c < x.channels; c++) {
      for (let i = 0; i < kernel; i++) {
        for (let j = 0; j < kernel; j++) offsets.push((c * x.height + i) * x.width + j);
      }
    }
    const n = offsets.length, where = fours(offsets, n, Int32Array);
    const weightsOf = (c) => fours(weight.subarray(c * n, (c + 1) * n), n, Float32Array);
    for (let c = 0; c < y.channels; c += 2) {
      const both = [weightsOf(c), weightsOf(c + 1)]; // zeros, if the number of channels is odd
      pair.fill(bias[c], 0, size).fill(bias[c + 1], size);
      for (let row = 0; row < height; row++) {
        const to = row * width, from = row * stride * x.width;
        for (let t = 0; t < where.length; t += 4) {
          addProducts(pair, to, size, 1, x.data, from, stride, width, where, both, t);
        }
      }
      y.data.set(c + 1 < y.channels ? pair : pair.subarray(0, size), c * size);
    }
    return y;
  }

  // weight: in×out×3×3; stride 2. Each input pixel paints its kernel onto the output, every second
  // row and column. padding=(1, 0, 1, 0): the first row and column of the result are cut off.
  function transposedConvolution(x, { weight, bias }) {
    const y = makeMap(bias.length, 2 * x.height, 2 * x.width), size = x.height * x.width;
    const pair = makeMap(2, y.height + 1, y.width + 1), gap = pair.height * pair.width;
    const inputs = Array.from({ length: x.channels }, (_, input) => input), n = x.channels;
    const where = fours(inputs.map((input) => input * size), n, Int32Array);
    const weightsOf = (c, tap) => fours(
      inputs.map((input) => (c < y.channels ? weight[(input * y.channels + c) * 9 + tap] : 0)),
      n, Float32Array);
    for (let c = 0; c < y.channels; c += 2) {
      pair.data.fill(bias[c], 0, gap).fill(bias[c + 1], gap);
      for (let tap = 0; tap < 9; tap++) {
        const i = Math.floor(tap / 3), j = tap % 3;
        const both = [weightsOf(c, tap), weightsOf(c + 1, tap)];
        for (let row = 0; row < x.height; row++) {
          const to = (2 * row + i) * pair.width + j, from = row * x.width;
          for (let t = 0; t < where.length; t += 4) {
            addProducts(pair.data, to, gap, 2, x.data, from, 1, x.width, where, both, t);
          }
        }
      }
      for (let row = 0; row < Math.min(2, y.channels - c) * y.height; row++) {
        const channel = Math.floor(row / y.height);
        const from = (row + channel + 1) * pair.width + 1; // without the first row and column
        y.data.set(pair.data.subarray(from, from + y.width), (c * y.height + row) * y.width);
      }
    }
    return y;
  }

  // Each channel gets mean 0 and variance 1. This one and the next two change the map in place.
  function instanceNorm(x) {
    const size = x.height * x.width;
    for (let c = 0; c < x.channels; c++) {
      const values = x.data.subarray(c * size, (c + 1) * size);
      let sum = 0, squares = 0;
      for (const value of values) sum += value;
      const mean = sum / size;
      for (const value of values) squares += (value - mean) ** 2;
      const scale = 1 / Math.sqrt(squares / size + 1e-5);
      for (let i = 0; i < size; i++) values[i] = (values[i] - mean) * scale;
    }
    return x;
  }

  function relu(x) {
    for (let i = 0; i < x.data.length; i++) x.data[i] = Math.max(x.data[i], 0);
    return x;
  }

  function tanh(x) {
    for (let i = 0; i < x.data.length; i++) x.data[i] = Math.tanh(x.data[i]);
    return x;
  }

  // Twice as high and wide: every pixel becomes four.
  function repeatPixels(x) {
    const y = makeMap(x.channels, 2 * x.height, 2 * x.width);
    for (let row = 0, o = 0; row < y.channels * y.height; row++) {
      const from = Math.floor(row / 2) * x.width;
      for (let column = 0; column < y.width; column++, o++) {
        y.data[o] = x.data[from + Math.floor(column / 2)];
      }
    }
    return y;
  }

  // The channels of x, and then those of y.
  function beside(x, y) {
    const both = makeMap(x.channels + y.channels, x.height, x.width);
    both.data.set(x.data);
    both.data.set(y.data, x.data.length);
    return both;
  }

  // ---- The generator: c7s1-k, d2k, d4k, n × R4k, u2k, uk, c7s1-3 ----
  // With `detail` it keeps more of the image: u2k and uk repeat pixels before a convolution, and
  // the last layer sees the image too.

  function residualBlock(x, first, second) {
    const y = relu(instanceNorm(convolution(reflectionPad(x, 1), first)));
    const z = instanceNorm(convolution(reflectionPad(y, 1), second));
    for (let i = 0; i < z.data.length; i++) z.data[i] += x.data[i];
    return z;
  }

  // Cut the weights of all layers out of one long array, in MindSpore's order.
  function makeLayers(values, { base_channels: k, n_layers, detail = false }) {
    let at = 0;
    const take = (n) => values.subarray(at, (at += n));
    const layer = (inputs, outputs, kernel) => (
      { weight: take(inputs * outputs * kernel ** 2), bias: take(outputs), kernel });
    const layers = {
      encoder: [layer(3, k, 7), layer(k, 2 * k, 3), layer(2 * k, 4 * k, 3)],
      blocks: Array.from({ length: n_layers }, () => (
        [layer(4 * k, 4 * k, 3), layer(4 * k, 4 * k, 3)])),
      decoder: [layer(4 * k, 2 * k, 3), layer(2 * k, k, 3), layer(detail ? k + 3 : k, 3, 7)],
      detail,
    };
    if (at !== values.length) {
      throw new Error(`the network has ${at} weights, but ${values.length} were given`);
    }
    return layers;
  }

  // image: 3×H×W in [-1, 1]; H and W divisible by 4. `progress` is called with a number up to 1.
  function generate(image, { encoder, blocks, decoder, detail }, progress = () => {}) {
    const steps = blocks.length + 6;
    const enlarged = (x, layer) => (detail
      ? convolution(reflectionPad(repeatPixels(x), 1), layer) : transposedConvolution(x, layer));
    let step = 0;
    const done = (y) => { progress(++step / steps); return y; };
    let x = done(relu(instanceNorm(convolution(reflectionPad(image, 3), encoder[0]))));
    x = done(relu(instanceNorm(convolution(zeroPad(x, 1), encoder[1], 2))));
    x = done(relu(instanceNorm(convolution(zeroPad(x, 1), encoder[2], 2))));
    for (const block of blocks) x = done(residualBlock(x, ...block));
    x = done(relu(instanceNorm(enlarged(x, decoder[0]))));
    x = done(relu(instanceNorm(enlarged(x, decoder[1]))));
    if (detail) x = beside(x, image);
    return done(tanh(convolution(reflectionPad(x, 3), decoder[2])));
  }

  // ---- Pictures and weights ----

  // Translate {width, height, data} with four bytes a pixel, as a canvas has it, and of any size:
  // it is extended by reflection to multiples of 4 (and at least 8), and the result is cut back.
  function translate(picture, layers, progress) {
    const { width, height, data } = picture;
    const extended = (size) => Math.max(8, Math.ceil(size / 4) * 4);
    const x = makeMap(3, extended(height), extended(width));
    const mirror = (i, size) => { // back and forth, where a side has less than four pixels
      const way = 2 * size - 2, place = i % Math.max(way, 1);
      return Math.min(place, way - place);
    };
    for (let c = 0, o = 0; c < 3; c++) {
      for (let row = 0; row < x.height; row++) {
        const start = mirror(row, height) * width;
        for (let column = 0; column < x.width; column++, o++) {
          x.data[o] = data[4 * (start + mirror(column, width)) + c] / 127.5 - 1;
        }
      }
    }
    const y = generate(x, layers, progress);
    const result = { width, height, data: new Uint8ClampedArray(4 * width * height).fill(255) };
    for (let i = 0; i < width * height; i++) {
      const place = Math.floor(i / width) * y.width + (i % width);
      for (let c = 0; c < 3; c++) {
        // a clamped array rounds, and keeps the range from 0 to 255
        result.data[4 * i + c] = (y.data[c * y.height * y.width + place] + 1) * 127.5;
      }
    }
    return result;
  }

  // Base64 of float16 numbers, the lowest byte first: 1 bit sign, 5 exponent, 10 fraction.
  function decodeWeights(text) {
    const bytes = atob(text), values = new Float32Array(bytes.length / 2);
    const units = Array.from({ length: 32 }, (_, exponent) => 2 ** (Math.max(exponent, 1) - 25));
    for (let i = 0; i < values.length; i++) {
      const half = bytes.charCodeAt(2 * i) | (bytes.charCodeAt(2 * i + 1) << 8);
      const exponent = (half >> 10) & 31, fraction = half & 1023;
      const size = (exponent ? 1024 + fraction : fraction) * units[exponent];
      values[i] = half & 0x8000 ? -size : size;
    }
    return values;
  }

  return { makeMap, reflectionPad, zeroPad, convolution, transposedConvolution, instanceNorm, relu,
    tanh, residualBlock, makeLayers, generate, translate, decodeWeights };
}

if (typeof module !== "undefined") module.exports = cyclegan(); // under Node
