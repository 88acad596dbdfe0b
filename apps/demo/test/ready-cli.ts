/**
 * Opens the built page in a fresh Chromium, several times, and prints when it was ready and how much CPU time that
 * took:
 *
 *     npx tsx apps/demo/test/ready-cli.ts [times] [folder of another build, to take turns with]
 */
import { servePage } from './served-page.ts';

const [times = '5', ...others] = process.argv.slice(2);
const pages = [];
for (const folder of [undefined, ...others])
  pages.push({ name: folder ?? 'this build', served: await servePage(folder) });

const ready: Record<string, number[]> = Object.fromEntries(pages.map(({ name }) => [name, []]));
for (let i = 0; i < Number(times); i++)
  for (const { name, served } of pages) {
    const browser = await served.launch();
    const cdp = await browser.newBrowserCDPSession();
    const seconds = async (): Promise<number> => {
      const { processInfo } = await cdp.send('SystemInfo.getProcessInfo');
      return processInfo.reduce((sum, { cpuTime }) => sum + cpuTime, 0);
    };
    const page = await browser.newPage({ reducedMotion: 'reduce' });
    const before = await seconds();
    await page.goto(`${served.address}page/`);
    // Reported by the page itself, since an observer outside looks late on a busy machine.
    const at = await page.evaluate(`new Promise((resolve) => {
      const look = () => document.querySelector('#standing[data-state=ready]') && resolve(performance.now());
      new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
      look();
    })`);
    ready[name]!.push(at as number);
    console.log(
      `${name}: ready after ${(at as number).toFixed(0)} ms, CPU ${((await seconds()) - before).toFixed(2)} s`,
    );
    await browser.close();
  }
for (const [name, all] of Object.entries(ready)) {
  const sorted = [...all].sort((a, b) => a - b);
  console.log(
    `${name}: median ${sorted[sorted.length >> 1]!.toFixed(0)} ms of ${sorted.map((ms) => ms.toFixed(0)).join(', ')}`,
  );
}
for (const { served } of pages) await served.close();
