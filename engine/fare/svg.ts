/** Drawings as one self-contained SVG, and the shapes that they have in common. */

/** A picture before it is a file: shapes from the top left corner. */
export interface Drawing {
  readonly title: string;
  readonly width: number;
  readonly height: number;
  readonly shapes: readonly string[];
}

/** Drawings below each other, as a file. */
export function svgOf(drawings: readonly Drawing[]): string {
  const width = drawings.reduce((most, drawing) => Math.max(most, drawing.width), 0);
  const height = drawings.reduce((sum, drawing) => sum + drawing.height, 0);
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${round(width)} ${round(height)}"`,
    ' font-family="system-ui, sans-serif" role="img">',
    `<title>${escaped(drawings.map(({ title }) => title).join('; '))}</title>`,
    '<rect width="100%" height="100%" fill="#fff"/>',
  ];
  let top = 0;
  for (const { shapes, height: own } of drawings) {
    const isMoved = top > 0;
    if (isMoved) lines.push(`<g transform="translate(0 ${round(top)})">`);
    lines.push(...shapes);
    if (isMoved) lines.push('</g>');
    top += own;
  }
  lines.push('</svg>\n');
  return lines.join('\n');
}

/** Title and what it is about, at the top of a drawing. */
export function heading(title: string, about: string): string[] {
  return [
    `<text x="16" y="28" font-size="17" font-weight="600">${escaped(title)}</text>`,
    `<text x="16" y="48" font-size="13" fill="#444">${escaped(about)}</text>`,
  ];
}

export function rect(x: number, y: number, width: number, height: number, fill: string): string {
  const place = `x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}"`;
  return `<rect ${place} fill="${fill}"/>`;
}

/** @param look further attributes */
export function line(x1: number, y1: number, x2: number, y2: number, look: string): string {
  const ends = `x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"`;
  return `<line ${ends} ${look}/>`;
}

/** @param look further attributes. @param size of the letters */
export function label(x: number, y: number, text: string, look = '', size = 12): string {
  const place = `x="${round(x)}" y="${round(y)}" font-size="${size}" fill="#444"`;
  return `<text ${place}${look === '' ? '' : ` ${look}`}>${escaped(text)}</text>`;
}

export function round(value: number): number {
  return Math.round(value * 100) / 100;
}

export function escaped(text: string): string {
  return text.replace(/[<>&"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
