// The dashboard in a real browser: trainings come and go while pages stay open.
//
//   node dashboard_test.mjs FOLDER_OF_THE_PROGRAMS CHROMIUM [FOLDER_FOR_SCREENSHOTS]
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";

const [programs, executablePath, screenshots] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "miniray-browser."));
const children = new Set();

function start(program, ...options) {
  const child = spawn(resolve(programs, program), options, { cwd: folder });
  child.output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data) => (child.output += data));
  }
  children.add(child);
  child.ended = new Promise((done) => child.on("exit", done));
  return child;
}

async function eventually(what, check, seconds = 10) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const value = await check();
    if (value) return value;
    assert.ok(Date.now() < deadline, `${what}: not within ${seconds} s`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

async function startDashboard(port = 0) {
  const dashboard = start("gan_dashboard", "--runs", "runs", "--port", String(port));
  const [, url] = await eventually("the dashboard's link", () =>
    /(http:\/\/127\.0\.0\.1:\d+)\//.exec(dashboard.output),
  );
  return { dashboard, url };
}

const train = (id, ...options) =>
  start(
    "gan_train",
    ..."--data shapes --mode distributed --workers 2 --sync steps --sync-interval 5".split(" "),
    ..."--epochs 50 --batch-size 256 --threads 1 --job-id".split(" "),
    id,
    ...options,
  );

const byTest = (name) => `[data-testid="${name}"]`;
const rowOf = (id) => `tr[data-run="${id}"]`;
const points = (page, chart) =>
  page.$eval(byTest(chart), (shown) => Number(shown.dataset.points)).catch(() => 0);
const stateOf = (page, row) => page.textContent(`${row} ${byTest("run-state")}`);

async function photograph(page, name) {
  if (!screenshots) return;
  mkdirSync(screenshots, { recursive: true });
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: join(screenshots, `${name}.png`) });
}

async function newPage(browser, url, errors) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
  page.on("pageerror", (error) => errors.push(error.message));
  // Also what the Content-Security-Policy refused. That a server is away is no error of the page.
  page.on("console", (message) => {
    const expected = /\/runs\/evil\/files\//.test(message.location().url); // a sheet that is not there
    if (message.type() !== "error" || expected || message.text().includes("ERR_")) return;
    errors.push(message.text());
  });
  await page.goto(url);
  await page.evaluate(() => (window.neverReloaded = true));
  return page;
}

async function seesATrainingLive(page) {
  await page.waitForSelector(rowOf("first"), { timeout: 10_000 });
  assert.match(await stateOf(page, rowOf("first")), /running/);
  await page.click(`${rowOf("first")} a`);
  await page.waitForSelector(byTest("chart-loss"));
  const before = await points(page, "chart-loss");
  await eventually("the curve grows", async () => (await points(page, "chart-loss")) > before + 2);
  await eventually(
    "both workers",
    async () => (await page.$$(`${byTest("workers-table")} tbody tr`)).length === 2,
  );
  await page.check(`${byTest("per-worker")}`);
  await page.waitForFunction(() => document.body.textContent.includes("worker 1"));
  await page.uncheck(`${byTest("per-worker")}`);
  await page.fill(byTest("smoothing"), "0.9");
  await page.check(byTest("log-scale"));
  await page.selectOption(byTest("x-axis"), "time");
  await page.uncheck(byTest("log-scale"));
  await page.selectOption(byTest("x-axis"), "step");
}

async function seesSamples(page) {
  const picture = page.locator(byTest("samples-image"));
  await eventually("a sheet of samples", () => picture.isVisible(), 90);
  await eventually("its pixels", () => picture.evaluate((image) => image.naturalWidth > 100));
  const first = await picture.getAttribute("src");
  await eventually("the next sheet", async () => (await picture.getAttribute("src")) !== first, 90);
  await page.fill(byTest("samples-slider"), "0");
  assert.equal(await picture.getAttribute("src"), first);
  await page.click(byTest("samples-play"));
  await eventually(
    "the flip-book turns",
    async () => (await picture.getAttribute("src")) !== first,
  );
  await page.click(byTest("samples-play"));
}

async function zoomsAndResets(page) {
  const plot = page.locator(`${byTest("chart-loss")} .u-over`);
  const box = await eventually("the chart is drawn", () => plot.boundingBox());
  const all = await points(page, "chart-loss");
  await page.mouse.move(box.x + box.width * 0.3, box.y + 50);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.6, box.y + 50, { steps: 5 });
  await page.mouse.up();
  await eventually("zoomed", async () => (await points(page, "chart-loss")) < all);
  await page.click(byTest("zoom-reset"));
  await eventually("the whole run", async () => (await points(page, "chart-loss")) >= all);
}

async function savesCsv(page) {
  const coming = page.waitForEvent("download");
  await page.click(`${byTest("chart-loss")} ${byTest("csv-download")}`);
  const text = readFileSync(await (await coming).path(), "utf8");
  assert.match(text, /^step,discriminator,generator\n1,[\d.]+,[\d.]+\n/);
}

async function searchesTheLog(page) {
  const lines = () =>
    page.$$eval(`${byTest("log-lines")} li`, (all) => all.map((line) => line.textContent));
  await page.fill(byTest("log-search"), "STARTED: shapes");
  await eventually("the line that was looked for", async () => (await lines()).length === 1);
  await page.fill(byTest("log-search"), "nothing like this");
  await eventually("no line", async () => (await lines()).length === 0);
  await page.fill(byTest("log-search"), "");
  await eventually("all lines", async () => (await lines()).length > 1);
}

async function comparesTwo(page) {
  await page.click("a.brand");
  await page.waitForSelector(rowOf("second"), { timeout: 10_000 });
  assert.ok(await page.isDisabled(byTest("compare-button")));
  await photograph(page, "dashboard_runs");
  for (const id of ["first", "second"]) await page.check(`${rowOf(id)} input`);
  await page.click(byTest("compare-button"));
  await page.waitForSelector(byTest("compare-g_loss"));
  const legend = () => page.textContent(`${byTest("compare-g_loss")} .u-legend`);
  await eventually("both curves", async () => /first.*second/.test(await legend()));
  assert.match(await page.textContent(byTest("differences")), /lr.*0\.0002.*0\.0005/);
  const before = await points(page, "compare-g_loss");
  await eventually(
    "compared curves grow",
    async () => (await points(page, "compare-g_loss")) > before,
  );
  await photograph(page, "dashboard_compare");
}

async function seesAKilledTraining(page, trainer) {
  await page.goto(`${new URL(page.url()).origin}/#/`);
  await page.waitForSelector(rowOf("second"));
  assert.match(await stateOf(page, rowOf("second")), /running/);
  trainer.kill("SIGKILL");
  await eventually(
    "marked as stopped",
    async () => /stopped/.test(await stateOf(page, rowOf("second"))),
    15,
  );
}

async function connectsAgain(page, first, port) {
  first.kill("SIGTERM");
  assert.equal(await first.ended, 0);
  const state = () => page.getAttribute(byTest("connection"), "data-state");
  await eventually("says that the connection is lost", async () => (await state()) === "lost");
  await startDashboard(port);
  await eventually("is live again", async () => (await state()) === "open");
  assert.equal(await page.evaluate(() => window.neverReloaded), true);
}

// What a hostile program may write into records.
async function showsScriptsAsText(page) {
  const payload = `</script><img src=x onerror="window.hacked=1"><svg onload=window.hacked=2>'"`;
  const record = (type, fields) =>
    `${JSON.stringify({ v: 1, time: new Date().toISOString(), type, ...fields })}\n`;
  mkdirSync(join(folder, "runs", "evil"));
  const config = { [payload]: payload, model: payload };
  appendFileSync(
    join(folder, "runs", "evil", "events.jsonl"),
    record("run_started", { dataset: payload, host: payload, version: payload, world: 1, config }) +
      record("metrics", { step: 1, epoch: 1, epochs: 2, d_loss: 1, g_loss: 1 }) +
      record("worker", { rank: 0, host: payload, step: 1, state: payload }) +
      record("samples", { epoch: 1, step: 1, path: `samples/${payload}` }) +
      record("evaluation", { epoch: 1, step: 1, [payload]: 3 }) +
      record("warning", { message: payload }) +
      "not a record\n" +
      record("run_ended", { how: "failed", message: payload }),
  );
  await page.waitForSelector(rowOf("evil"));
  await page.click(`${rowOf("evil")} a`);
  await page.waitForSelector(byTest("log-lines"));
  await page.waitForFunction(() => document.body.textContent.includes("could not be read"));
  assert.ok((await page.textContent(byTest("log-lines"))).includes(payload));
  await page.goto(`${new URL(page.url()).origin}/#/compare/evil,first`);
  await page.waitForSelector(byTest("differences"));
  assert.equal(await page.evaluate(() => window.hacked), undefined);
}

async function fitsAPhone(page) {
  await page.setViewportSize({ width: 360, height: 740 });
  const origin = new URL(page.url()).origin;
  for (const view of ["#/", "#/run/first", "#/compare/first,second"]) {
    await page.goto(`${origin}/${view}`);
    await page.waitForSelector("h1");
    await page.waitForTimeout(300);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.equal(width, 360, `${view} on a phone`);
    if (view === "#/run/first") await photograph(page, "dashboard_phone");
  }
  await page.setViewportSize({ width: 1280, height: 860 });
}

async function servesTheKeyboard(page) {
  await page.goto(`${new URL(page.url()).origin}/#/`);
  await page.waitForSelector(rowOf("first"));
  const reached = new Set();
  for (let i = 0; i < 30; ++i) {
    await page.keyboard.press("Tab");
    reached.add(
      await page.evaluate(
        () => document.activeElement.dataset.testid ?? document.activeElement.tagName,
      ),
    );
  }
  for (const name of ["theme-toggle", "run-search", "A", "INPUT"])
    assert.ok(reached.has(name), `${name} by keyboard`);
  const theme = () => page.getAttribute("html", "data-theme");
  const before = await theme();
  await page.focus(byTest("theme-toggle"));
  await page.keyboard.press("Enter");
  assert.notEqual(await theme(), before);
}

async function paintsAtOnce(page) {
  await page.reload();
  await page.waitForSelector(rowOf("first"));
  const ms = await page.evaluate(
    () => performance.getEntriesByName("first-contentful-paint")[0].startTime,
  );
  assert.ok(ms < 1000, `first paint after ${ms} ms`);
}

async function scenario(browser, errors) {
  const { dashboard, url } = await startDashboard();
  const page = await newPage(browser, url, errors);
  await page.waitForFunction(() => document.body.textContent.includes("not there yet"));
  const first = train("first");
  await seesATrainingLive(page);
  await zoomsAndResets(page);
  await savesCsv(page);
  await seesSamples(page);
  await searchesTheLog(page);
  await photograph(page, "dashboard_run");
  const second = train("second", "--lr", "0.0005");
  await comparesTwo(page);
  await seesAKilledTraining(page, second);
  await page.evaluate(() => (window.neverReloaded = true));
  await connectsAgain(page, dashboard, new URL(url).port);
  first.kill("SIGINT");
  await eventually("an interrupted run", async () =>
    /interrupted/.test(await stateOf(page, rowOf("first"))),
  );
  await showsScriptsAsText(page);
  await fitsAPhone(page);
  await servesTheKeyboard(page);
  await paintsAtOnce(page);
}

const errors = [];
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
try {
  await scenario(browser, errors);
  assert.deepEqual(errors, []);
  console.log("passed");
} catch (error) {
  console.error(error, errors);
  process.exitCode = 1;
} finally {
  await browser.close();
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}
