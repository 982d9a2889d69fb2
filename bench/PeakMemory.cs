using System.Globalization;

namespace StableDiffusion.Benchmarks;

/// <summary>Watches how much memory this process takes beyond the files that it maps, which the system can drop at any time.</summary>
internal sealed class PeakMemory : IDisposable
{
    private const int IntervalMilliseconds = 50;
    private const string Status = "/proc/self/status";

    private readonly CancellationTokenSource _stop = new();
    private readonly Thread _watcher;
    private double _highest;

    public PeakMemory()
    {
        _watcher = new Thread(Watch) { IsBackground = true };
        _watcher.Start();
    }

    /// <summary>Ends the watching.</summary>
    /// <returns>The highest figure in MiB; that of all memory where the system does not tell the one without files.</returns>
    public double Stop()
    {
        _stop.Cancel();
        _watcher.Join();
        return _highest;
    }

    public void Dispose()
    {
        Stop();
        _stop.Dispose();
    }

    private void Watch()
    {
        do
        {
            _highest = Math.Max(_highest, Now());
        }
        while (!_stop.Token.WaitHandle.WaitOne(IntervalMilliseconds));
    }

    private static double Now()
    {
        string? line = File.Exists(Status) ? File.ReadLines(Status).FirstOrDefault(static line => line.StartsWith("RssAnon:", StringComparison.Ordinal)) : null;
        return line is null
            ? Environment.WorkingSet / (double)(1 << 20)
            : double.Parse(line.AsSpan("RssAnon:".Length).Trim().TrimEnd("kB "), CultureInfo.InvariantCulture) / 1024;
    }
}
