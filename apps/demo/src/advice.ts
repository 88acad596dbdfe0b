/** @file Advice for a visitor whose browser cannot run the model. */

/** What to do about missing WebGPU, by browser. */
export function adviceFor(agent: string, secure: boolean): string {
  if (!secure)
    return 'This page came over plain http, where browsers withhold WebGPU. Open it over https, or as localhost.';
  if (/Firefox\//.test(agent))
    return 'Firefox has WebGPU on Windows and on Macs; elsewhere open about:config, set dom.webgpu.enabled to true and restart it. Or use a current Chrome or Edge.';
  if (/(iPhone|iPad)/.test(agent))
    return 'Safari has WebGPU from iOS 26 on; before that, turn on WebGPU in Settings, Apps, Safari, Advanced, Feature Flags.';
  if (/Safari\//.test(agent) && !/Chrom(e|ium)\//.test(agent))
    return 'Safari has WebGPU from version 26 on; before that, turn on WebGPU in its Feature Flags. Or use a current Chrome or Edge.';
  if (/Android/.test(agent)) return 'Chrome for Android has WebGPU from version 121 on, on Android 12 and later.';
  if (/Linux/.test(agent))
    return 'On Linux, open chrome://flags, enable “Unsafe WebGPU Support” and “Vulkan”, and restart the browser.';
  return 'Current versions of Chrome and Edge have it; please update the browser, and see chrome://gpu if it is still missing.';
}
