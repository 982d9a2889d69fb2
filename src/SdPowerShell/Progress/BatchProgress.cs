using System.Diagnostics;
using System.Globalization;
using System.Management.Automation;

namespace SdPowerShell.Progress;

/// <summary>The progress of a batch: the current image, the images an hour, and, if the total is known, the remaining time.</summary>
/// <param name="write">Shows a progress record.</param>
/// <param name="count">The number of images; null if unknown. A single image is not shown as a batch.</param>
internal sealed class BatchProgress(Action<ProgressRecord> write, long? count)
{
    private const int ActivityId = 3;
    private const int NoActivityId = -1;
    private const double LowRate = 10;

    /// <summary>Until this part of the first image is done, no time is estimated: opening the model would distort it.</summary>
    private const double LeastToEstimate = 0.1;

    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(500);

    private long _begun;
    private long _lastShown;
    private int _started;
    private int _current;
    private int _done;
    private TimeSpan _timeOfDone;

    /// <summary>The parent activity for the progress of an image's steps.</summary>
    public int ParentId => count == 1 ? NoActivityId : ActivityId;

    /// <summary>Begins the next images.</summary>
    /// <param name="images">How many are made at once.</param>
    public void Start(int images = 1)
    {
        if (_started == 0)
            _begun = Stopwatch.GetTimestamp();
        _current = images;
        _started += images;
        Show(0);
    }

    /// <summary>Reports progress of the current images.</summary>
    /// <param name="part">The finished part of them, 0 to 1.</param>
    public void Advance(double part)
    {
        if (Stopwatch.GetElapsedTime(_lastShown) >= s_interval)
            Show(part);
    }

    /// <summary>Ends the current images.</summary>
    public void Finish()
    {
        _done += _current;
        _timeOfDone = Stopwatch.GetElapsedTime(_begun);
    }

    /// <summary>Removes the progress bar.</summary>
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
        string number = _current > 1
            ? string.Create(CultureInfo.CurrentCulture, $"images {_started - _current + 1:N0} to {_started:N0}")
            : string.Create(CultureInfo.CurrentCulture, $"image {_started:N0}");
        string total = count is null ? string.Empty : string.Create(CultureInfo.CurrentCulture, $" of {count:N0}");
        double rate = _done / _timeOfDone.TotalHours;
        string speed = _done == 0 ? string.Empty : $", {rate.ToString(rate < LowRate ? "N1" : "N0", CultureInfo.CurrentCulture)} images an hour";
        ProgressRecord record = new(ActivityId, "Making images", number + total + speed);
        if (count is long all)
        {
            double passed = Math.Min(_started - _current + (_current * part), all);
            record.PercentComplete = (int)(100 * passed / all);
            if (passed >= LeastToEstimate)
                record.SecondsRemaining = (int)Math.Min(Math.Ceiling(elapsed.TotalSeconds * (all - passed) / passed), int.MaxValue);
        }

        write(record);
    }
}
