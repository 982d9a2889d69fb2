using System.Diagnostics;

namespace StableDiffusion.Storage;

/// <summary>Measures the time of each activity, and limits how often its progress is reported.</summary>
/// <param name="report">Receives the progress on the calling thread; may be null.</param>
/// <param name="interval">The shortest time between two reports. The beginning and the end of an activity are always reported.</param>
internal sealed class ProgressClock(Action<ProgressReport>? report, TimeSpan interval)
{
    // A console draws slower than a disk reads.
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(200);

    private string _activity = string.Empty;
    private long _start;
    private long _lastReport;

    /// <summary>Initializes a clock for people to watch.</summary>
    /// <inheritdoc cref="ProgressClock(Action{ProgressReport}?, TimeSpan)"/>
    public ProgressClock(Action<ProgressReport>? report)
        : this(report, s_interval)
    {
    }

    /// <summary>Reports the progress of the activity, unless the last report was just made.</summary>
    public void Report(string activity, string detail, long done, long total, bool countsBytes = true)
    {
        bool begins = activity != _activity;
        if (!begins && done < total && Stopwatch.GetElapsedTime(_lastReport) < interval)
            return;

        _lastReport = Stopwatch.GetTimestamp();
        if (begins)
            (_activity, _start) = (activity, _lastReport);
        report?.Invoke(new ProgressReport(activity, detail, done, total, Stopwatch.GetElapsedTime(_start)) { CountsBytes = countsBytes });
    }
}
