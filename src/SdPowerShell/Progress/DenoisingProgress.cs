using System.Diagnostics;
using System.Management.Automation;
using StableDiffusion.Pipelines;

namespace SdPowerShell.Progress;

/// <summary>The progress bar of one denoising, which disappears when it is disposed.</summary>
internal sealed class DenoisingProgress : IDisposable
{
    private const int ActivityId = 2;

    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(100);

    private readonly long _begun = Stopwatch.GetTimestamp();
    private readonly Action<ProgressRecord> _write;
    private readonly string? _prompt;
    private readonly int _parentActivity;
    private long _lastShown;
    private int _steps;

    /// <summary>Shows the bar.</summary>
    /// <param name="write">Shows a progress record.</param>
    /// <param name="prompt">The prompt.</param>
    /// <param name="parentActivity">The parent activity; -1 for none.</param>
    public DenoisingProgress(Action<ProgressRecord> write, string? prompt, int parentActivity = -1)
    {
        _write = write;
        _prompt = prompt;
        _parentActivity = parentActivity;
        _write(Record("starting"));
    }

    /// <summary>Moves the bar, at a rate that is limited to what a person can see.</summary>
    /// <param name="progress">The progress of the denoising.</param>
    public void Report(StepProgress progress)
    {
        _steps++;
        if (_lastShown != 0 && Stopwatch.GetElapsedTime(_lastShown) < s_interval && progress.Step < progress.StepCount)
            return;

        _lastShown = Stopwatch.GetTimestamp();
        TimeSpan perStep = Stopwatch.GetElapsedTime(_begun) / _steps;
        ProgressRecord record = Record($"step {progress.Step} of {progress.StepCount}");
        record.PercentComplete = progress.Step * 100 / progress.StepCount;
        record.SecondsRemaining = (int)Math.Ceiling((perStep * (progress.StepCount - progress.Step)).TotalSeconds);
        _write(record);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ProgressRecord last = Record("done");
        last.RecordType = ProgressRecordType.Completed;
        _write(last);
    }

    // A new record for each report: jobs and hosts keep the records that they get.
    private ProgressRecord Record(string state) => new(ActivityId, $"Denoising '{_prompt}'", state) { ParentActivityId = _parentActivity };
}
