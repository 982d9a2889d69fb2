# Dot-sourced by the tests of pages: a headless Chromium, driven by the DevTools protocol
# (https://chromedevtools.github.io/devtools-protocol/tot/).

function Find-Browser {
    Get-Command chromium-headless-shell, chromium, chromium-browser, google-chrome -CommandType Application -ErrorAction Ignore | Select-Object -First 1
}

# Starts Chromium with an empty page. All names but its own address are unknown to it, so that nothing leaves the machine.
function Start-Browser {
    param([string] $Folder)
    $settings = @(
        '--headless', '--remote-debugging-port=0', "--user-data-dir=$Folder", '--no-first-run', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars'
        '--disable-background-networking', '--disable-component-update', '--disable-sync', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'
        if ($IsLinux -and (id -u) -eq 0) { '--no-sandbox' }
        'about:blank'
    )
    $start = [System.Diagnostics.ProcessStartInfo]::new((Find-Browser).Source, [string[]]$settings)
    $start.RedirectStandardOutput = $start.RedirectStandardError = $true
    $process = [System.Diagnostics.Process]::Start($start)
    $output = $process.StandardOutput.ReadToEndAsync(), $process.StandardError.ReadToEndAsync()
    $port = Join-Path $Folder DevToolsActivePort
    for ($wait = 0; -not (Test-Path -LiteralPath $port) -or @(Get-Content -LiteralPath $port).Count -lt 2; $wait++) {
        if ($process.HasExited -or $wait -gt 600) {
            $process.Kill($true)
            throw "Chromium did not start: $($output[1].Result)"
        }
        Start-Sleep -Milliseconds 50
    }

    $browser = @{
        Process  = $process
        Socket   = [System.Net.WebSockets.ClientWebSocket]::new()
        Patience = [System.Threading.CancellationTokenSource]::new([timespan]::FromMinutes(2))
        Buffer   = [byte[]]::new(1MB)
        Calls    = 0
        Session  = $null
        Events   = [System.Collections.Generic.List[object]]::new()
    }
    $address = Get-Content -LiteralPath $port
    $null = $browser.Socket.ConnectAsync("ws://127.0.0.1:$($address[0])$($address[1])", $browser.Patience.Token).GetAwaiter().GetResult()
    $target = (Invoke-Browser $browser Target.getTargets).targetInfos | Where-Object type -EQ page
    $browser.Session = (Invoke-Browser $browser Target.attachToTarget @{ targetId = $target.targetId; flatten = $true }).sessionId
    'Page', 'Runtime', 'Log', 'Network' | ForEach-Object { $null = Invoke-Browser $browser "$_.enable" }
    $browser
}

function Stop-Browser {
    param($Browser)
    $null = Invoke-Browser $Browser Browser.close
    $Browser.Socket.Dispose()
    if (-not $Browser.Process.WaitForExit(10000)) { $Browser.Process.Kill($true) }
}

# Calls a method and returns its result. What happens in the page meanwhile is kept.
function Invoke-Browser {
    param($Browser, [string] $Method, [hashtable] $Parameters = @{})
    $id = ++$Browser.Calls
    $call = @{ id = $id; method = $Method; params = $Parameters }
    if ($Browser.Session) { $call.sessionId = $Browser.Session }
    $bytes = [System.Text.Encoding]::UTF8.GetBytes(($call | ConvertTo-Json -Depth 9 -Compress))
    $null = $Browser.Socket.SendAsync([ArraySegment[byte]]$bytes, 'Text', $true, $Browser.Patience.Token).GetAwaiter().GetResult()
    while (($message = Receive-BrowserMessage $Browser).id -ne $id) {
        $Browser.Events.Add($message)
    }
    if ($message.error) { throw "${Method}: $($message.error.message)" }
    $message.result
}

function Receive-BrowserMessage {
    param($Browser)
    $bytes = [System.IO.MemoryStream]::new()
    do {
        $part = $Browser.Socket.ReceiveAsync([ArraySegment[byte]]$Browser.Buffer, $Browser.Patience.Token).GetAwaiter().GetResult()
        $bytes.Write($Browser.Buffer, 0, $part.Count)
    } until ($part.EndOfMessage)
    [System.Text.Encoding]::UTF8.GetString($bytes.GetBuffer(), 0, $bytes.Length) | ConvertFrom-Json -AsHashtable
}

# Opens a page, waits until it is complete and drawn, and forgets what happened in the one before.
function Open-Page {
    param($Browser, [string] $Path)
    $Browser.Events.Clear()
    $null = Invoke-Browser $Browser Page.navigate @{ url = [uri]::new($Path).AbsoluteUri }
    while ($Browser.Events.method -notcontains 'Page.loadEventFired') {
        $Browser.Events.Add((Receive-BrowserMessage $Browser))
    }

    # An element that asks for the focus has it with the first frame that is drawn.
    $null = Invoke-Browser $Browser Runtime.evaluate @{ expression = 'new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))'; awaitPromise = $true }
}

# The value of an expression of JavaScript in the page.
function Measure-Page {
    param($Browser, [string] $Expression)
    $answer = Invoke-Browser $Browser Runtime.evaluate @{ expression = $Expression; returnByValue = $true }
    if ($answer.exceptionDetails) { throw "$Expression`: $($answer.exceptionDetails.exception.description)" }
    $answer.result.value
}

# Sets the width, and what the reader prefers: light, dark, or paper.
function Set-PageView {
    param($Browser, [int] $Width, [string] $Scheme)
    $null = Invoke-Browser $Browser Emulation.setDeviceMetricsOverride @{ width = $Width; height = 900; deviceScaleFactor = 1; mobile = $false }
    $media = $Scheme -eq 'paper' ? @{ media = 'print'; features = @() } : @{ media = 'screen'; features = @(@{ name = 'prefers-color-scheme'; value = $Scheme }) }
    $null = Invoke-Browser $Browser Emulation.setEmulatedMedia $media
}

function Send-Key {
    param($Browser, [string] $Key)
    $code = @{ Tab = 9; ArrowLeft = 37; ArrowRight = 39; Home = 36; End = 35 }[$Key]
    'rawKeyDown', 'keyUp' | ForEach-Object { $null = Invoke-Browser $Browser Input.dispatchKeyEvent @{ type = $_; key = $Key; code = $Key; windowsVirtualKeyCode = $code } }
}

# Moves the pointer to the center of the first element that a selector finds.
function Move-Pointer {
    param($Browser, [string] $Selector)
    $x, $y = Measure-Page $Browser "(() => { const e = document.querySelector('$Selector'); e.scrollIntoView({ block: 'center' }); const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()"
    $null = Invoke-Browser $Browser Input.dispatchMouseEvent @{ type = 'mouseMoved'; x = $x; y = $y }
}

function Save-Screenshot {
    param($Browser, [string] $Path, [switch] $Window)
    $shot = Invoke-Browser $Browser Page.captureScreenshot @{ captureBeyondViewport = -not $Window }
    [System.IO.File]::WriteAllBytes($Path, [Convert]::FromBase64String($shot.data))
}

function Save-Pdf {
    param($Browser, [string] $Path)
    [System.IO.File]::WriteAllBytes($Path, [Convert]::FromBase64String((Invoke-Browser $Browser Page.printToPDF @{ printBackground = $false }).data))
}

# The errors and warnings of the page, one line each.
function Get-PageMessage {
    param($Browser)
    $null = Measure-Page $Browser '0'
    foreach ($event in $Browser.Events) {
        switch ($event.method) {
            'Log.entryAdded' { if ($event.params.entry.level -in 'error', 'warning') { $event.params.entry.text } }
            'Runtime.consoleAPICalled' { if ($event.params.type -in 'error', 'warning', 'assert') { "$($event.params.type): $($event.params.args[0].value)" } }
            'Runtime.exceptionThrown' { $event.params.exceptionDetails.exception.description }
        }
    }
}

# The addresses that the page asked for, but its own and data.
function Get-PageRequest {
    param($Browser, [string] $Path)
    foreach ($event in $Browser.Events) {
        $address = $event.method -eq 'Network.requestWillBeSent' ? $event.params.request.url : $event.method -match '^Network\.web\w+Created$' ? $event.params.url : $null
        if ($address -and $address -notlike 'data:*' -and $address -ne [uri]::new($Path).AbsoluteUri) { $address }
    }
}

# The elements that reach beyond the right edge of the window, and are in none that scrolls by itself.
function Get-Overflow {
    param($Browser)
    Measure-Page $Browser @'
(() => {
  const page = document.documentElement, wide = [];
  const scrolls = e => e && e !== document.body && (['auto', 'scroll'].includes(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
  for (const e of document.body.querySelectorAll('*'))
    if (e.getBoundingClientRect().right > page.clientWidth + 0.5 && !scrolls(e.parentElement)) wide.push(`${e.tagName} '${e.textContent.trim().slice(0, 40)}'`);
  if (page.scrollWidth > page.clientWidth) wide.push(`the page, ${page.scrollWidth} of ${page.clientWidth} pixels`);
  return wide;
})()
'@
}

# The lowest contrast of a text with the page, as WCAG 2.2 defines it; 4.5 is its level AA.
function Get-LowestContrast {
    param($Browser)
    Measure-Page $Browser @'
(() => {
  const probe = document.body.appendChild(document.createElement('div'));
  probe.style.backgroundColor = 'Canvas';
  const luminance = color => color.match(/[\d.]+/g).slice(0, 3).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const page = luminance(getComputedStyle(probe).backgroundColor);
  probe.remove();
  const texts = [...document.body.querySelectorAll('*')].filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) && !['SCRIPT', 'STYLE'].includes(e.tagName));
  return Math.min(...texts.map(e => luminance(getComputedStyle(e)[e instanceof SVGElement ? 'fill' : 'color']))
    .map(v => (Math.max(v, page) + 0.05) / (Math.min(v, page) + 0.05)));
})()
'@
}

# The size in pixels of the smallest text; that of plots is scaled with them.
function Get-SmallestText {
    param($Browser)
    Measure-Page $Browser @'
(() => {
  const texts = [...document.body.querySelectorAll('*')].filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) && e.getClientRects().length);
  return Math.min(...texts.map(e => parseFloat(getComputedStyle(e).fontSize) * (e instanceof SVGElement ? e.getScreenCTM().a : 1)));
})()
'@
}
