using System.Diagnostics;

namespace StableDiffusion.Storage;

/// <summary>Describes a build's progress and measures the time of each of its stages.</summary>
/// <param name="report">Receives the progress; may be null.</param>
internal sealed class ProgressClock(Action<ImportProgress>? report)
{
    private string _activity = string.Empty;
    private long _start;

    public void Report(BuildProgress progress) =>
        Report(NameOf(progress.Stage), progress.Part, progress.Done, progress.Total, countsBytes: progress.Stage != BuildStage.Calibrating);

    public void Report(string activity, string part, long done, long total, bool countsBytes = true)
    {
        if (activity != _activity)
            (_activity, _start) = (activity, Stopwatch.GetTimestamp());
        report?.Invoke(new ImportProgress(activity, part, done, total, Stopwatch.GetElapsedTime(_start)) { CountsBytes = countsBytes });
    }

    private static string NameOf(BuildStage stage) => stage switch
    {
        BuildStage.Hashing => "Reading the model",
        BuildStage.Calibrating => "Calibrating the ranges of the integers",
        _ => "Writing the model's graphs",
    };
}
