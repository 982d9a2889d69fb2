using System.Diagnostics;
using StableDiffusion.Models.Building;

namespace StableDiffusion.Models;

/// <summary>Puts a build's progress into words and measures the time of each of its stages.</summary>
/// <param name="report">Hears it; may be null.</param>
internal sealed class ProgressClock(Action<ImportProgress>? report)
{
    private string _activity = string.Empty;
    private long _start;

    public void Report(BuildProgress progress) =>
        Report(progress.Stage == BuildStage.Hashing ? "Reading the model" : "Writing the model's graphs", progress.Part, progress.Done, progress.Total);

    public void Report(string activity, string part, long done, long total)
    {
        if (activity != _activity)
            (_activity, _start) = (activity, Stopwatch.GetTimestamp());
        report?.Invoke(new ImportProgress(activity, part, done, total, Stopwatch.GetElapsedTime(_start)));
    }
}
