// node browser_h2.js URL TITLE: opens URL in Chromium, waits until the page's title is TITLE and prints what the browser
// says of it as JSON. The certificate need not be trusted.
'use strict';
const {chromium} = require('playwright-core');

(async () => {
  const [url, title] = process.argv.slice(2);
  const args = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'];
  const browser = await chromium.launch({executablePath: '/usr/bin/chromium', args});
  try {
    const page = await (await browser.newContext({ignoreHTTPSErrors: true})).newPage();
    await page.goto(url);
    await page.waitForFunction((wanted) => document.title === wanted, title, {timeout: 30000});
    const seen = await page.evaluate(() => {
      const entries = performance.getEntries().filter((e) => ['navigation', 'resource'].includes(e.entryType));
      return {title: document.title, protocols: [...new Set(entries.map((e) => e.nextHopProtocol))],
        requests: entries.length};
    });
    console.log(JSON.stringify(seen));
  } finally {
    await browser.close();
  }
})().catch((error) => { console.error(error); process.exit(1); });
