// Chromium at the page in the first argument: presses its button, waits for each answer to be shown, and prints one JSON
// object of what a person would see. Further arguments: how often to press, and a folder for pictures (optional).
"use strict";
const { chromium } = require("playwright-core");

const [address, presses, pictures] = process.argv.slice(2);
const ANSWER_MS_MAX = 20000;

// [{title, name: value, ...}] of the boxes that show who answered.
function hops(page) {
  return page.locator(".hop").evaluateAll((boxes) => boxes.map((box) => {
    const seen = { title: box.querySelector("h2").textContent };
    for (const term of box.querySelectorAll("dt")) seen[term.textContent] = term.nextElementSibling.textContent;
    return seen;
  }));
}

async function picture(page, name) {
  if (pictures) await page.screenshot({ path: `${pictures}/${name}.png`, fullPage: true });
}

// Presses the button; the line that it added, which is on top.
async function press(page) {
  const before = await page.locator("#log li").count();
  await page.getByRole("button").click();
  await page.waitForFunction((count) => document.querySelectorAll("#log li").length > count, before,
    { timeout: ANSWER_MS_MAX });
  return page.locator("#log li").first().textContent();
}

// Deregisters the frontends (URLs in LEAVE) and presses until the edge itself answers; what the page says then.
async function pressWithoutFrontend(page) {
  for (const url of process.env.LEAVE.split(" ")) await fetch(url, { method: "PUT" });
  const until = Date.now() + ANSWER_MS_MAX;
  let line;
  do line = await press(page); while (line.startsWith("200") && Date.now() < until);
  return line;
}

async function visit(browser) {
  const page = await browser.newPage({ viewport: { width: 900, height: 700 } });
  const seen = { complaints: [], pressed: [] };
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") seen.complaints.push(message.text());
  });
  page.on("pageerror", (error) => seen.complaints.push(String(error)));
  const response = await page.goto(address, { timeout: ANSWER_MS_MAX });
  seen.status = response.status();
  seen.heading = await page.locator("h1").textContent();
  seen.hops = await hops(page);
  await picture(page, "opened");
  for (let i = 1; i <= Number(presses); ++i) {
    const line = await press(page);
    seen.pressed.push({ line, hops: await hops(page) });
  }
  await picture(page, "pressed");
  await page.setViewportSize({ width: 380, height: 700 });
  seen.overflowOnPhone = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
  await picture(page, "phone");
  if (process.env.LEAVE) seen.left = await pressWithoutFrontend(page);
  return seen;
}

async function main() {
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  });
  try {
    console.log(JSON.stringify(await visit(browser)));
  } finally {
    await browser.close();
  }
}

main().catch((error) => { console.error(error); process.exit(1); });
