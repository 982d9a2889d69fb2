using System.Diagnostics;
using System.Globalization;
using System.Management.Automation;

namespace SdPowerShell.Progress;

/// <summary>The progress of a batch: which image is made, how many an hour, and the time left where it is known how many there are.</summary>
/// <param name="write">Shows a progress record.</param>
/// <param name="count">How many images there are; null where nobody knows. One alone is not shown as a batch.</param>
internal sealed class BatchProgress(Action<ProgressRecord> write, long? count)
{
    private const int ActivityId = 3;
    private const int NoActivityId = -1;
    private const double LowRate = 10;

    /// <summary>Before this part of the first image, the opening of the model tells nothing of the time that the others take.</summary>
    private const double LeastToEstimate = 0.1;

    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(500);

    private long _begun;
    private long _lastShown;
    private int _started;
    private int _done;
    private TimeSpan _timeOfDone;

    /// <summary>What the progress of one image's steps belongs to.</summary>
    public int ParentId => count == 1 ? NoActivityId : ActivityId;

    /// <summary>An image is begun.</summary>
    public void Start()
    {
        if (_started++ == 0)
            _begun = Stopwatch.GetTimestamp();
        Show(0);
    }

    /// <summary>A part of the image that was begun last is made.</summary>
    /// <param name="part">How much of it, 0 to 1.</param>
    public void Advance(double part)
    {
        if (Stopwatch.GetElapsedTime(_lastShown) >= s_interval)
            Show(part);
    }

    /// <summary>The image that was begun last is made.</summary>
    public void Finish()
    {
        _done++;
        _timeOfDone = Stopwatch.GetElapsedTime(_begun);
    }

    /// <summary>Takes the progress from the screen.</summary>
    public void Complete()
    {
        if (_started > 0 && count != 1)
            write(new ProgressRecord(ActivityId, "Making images", "done") { RecordType = ProgressRecordType.Completed });
        _started = 0;
    }

    private void Show(double part)
    {
        if (count == 1)
            return;

        _lastShown = Stopwatch.GetTimestamp();
        TimeSpan elapsed = Stopwatch.GetElapsedTime(_begun, _lastShown);
        string number = string.Create(CultureInfo.CurrentCulture, $"image {_started:N0}");
        string total = count is null ? string.Empty : string.Create(CultureInfo.CurrentCulture, $" of {count:N0}");
        double rate = _done / _timeOfDone.TotalHours;
        string speed = _done == 0 ? string.Empty : $", {rate.ToString(rate < LowRate ? "N1" : "N0", CultureInfo.CurrentCulture)} images an hour";
        ProgressRecord record = new(ActivityId, "Making images", number + total + speed);
        if (count is long all)
        {
            double passed = Math.Min(_started - 1 + part, all);
            record.PercentComplete = (int)(100 * passed / all);
            if (passed >= LeastToEstimate)
                record.SecondsRemaining = (int)Math.Min(Math.Ceiling(elapsed.TotalSeconds * (all - passed) / passed), int.MaxValue);
        }

        write(record);
    }
}
