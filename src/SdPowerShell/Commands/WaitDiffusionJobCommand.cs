using System.Diagnostics;
using System.Globalization;
using System.Management.Automation;
using SdPowerShell.Errors;
using StableDiffusion.Batches;
using StableDiffusion.Batches.Jobs;

namespace SdPowerShell.Commands;

/// <summary>Waits until jobs have ended.</summary>
[Cmdlet(VerbsLifecycle.Wait, "DiffusionJob", DefaultParameterSetName = FileCmdlet.PathSet)]
[OutputType(typeof(DiffusionJob))]
public sealed class WaitDiffusionJobCommand : JobCmdlet
{
    private const int ActivityId = 3;

    // To look at a large job takes time itself, of which this is the greatest part.
    private const int LeastWaitPerLook = 10;

    private readonly List<JobFolder> _folders = [];

    /// <summary>How many seconds to wait at most; 0 or less means without a limit.</summary>
    [Parameter]
    public int Timeout { get; set; } = -1;

    /// <summary>How many seconds pass from one look at the jobs to the next, 1 to 3600.</summary>
    [Parameter]
    [ValidateRange(1, 3600)]
    public int PollInterval { get; set; } = 2;

    /// <inheritdoc/>
    private protected override void Process(IEnumerable<DiffusionJob> jobs) => _folders.AddRange(jobs.Select(static job => JobFolder.At(job.Folder)));

    /// <inheritdoc/>
    protected override void EndProcessing() => ProcessOne(null, Wait);

    private void Wait()
    {
        long begun = Stopwatch.GetTimestamp();
        while (_folders.Count > 0)
        {
            long looked = Stopwatch.GetTimestamp();
            DiffusionJob[] jobs = [.. Look(_folders)];
            foreach (DiffusionJob job in jobs.Where(static job => job.HasEnded))
            {
                _folders.RemoveAll(folder => folder.Path == job.Folder);
                WriteObject(job);
            }

            // Those whose records cannot be read any more had an error.
            _folders.RemoveAll(folder => !Array.Exists(jobs, job => job.Folder == folder.Path));
            DiffusionJob[] left = [.. jobs.Where(static job => !job.HasEnded)];
            if (left.Length == 0)
                break;
            Show(left);
            TimeSpan pause = TimeSpan.FromSeconds(Math.Max(PollInterval, LeastWaitPerLook * Stopwatch.GetElapsedTime(looked).TotalSeconds));
            TimeSpan rest = Timeout > 0 ? TimeSpan.FromSeconds(Timeout) - Stopwatch.GetElapsedTime(begun) : TimeSpan.MaxValue;
            if (rest <= TimeSpan.Zero)
            {
                foreach (DiffusionJob job in left)
                {
                    WriteFailure(DiffusionError.JobNotEnded(job, Timeout));
                    WriteObject(job);
                }

                break;
            }

            CancellationToken.WaitHandle.WaitOne(pause < rest ? pause : rest);
            CancellationToken.ThrowIfCancellationRequested();
        }

        WriteProgress(new ProgressRecord(ActivityId, "Waiting for jobs", "done") { RecordType = ProgressRecordType.Completed });
    }

    private void Show(DiffusionJob[] jobs)
    {
        long images = jobs.Sum(static job => (long)job.Images), left = jobs.Sum(static job => (long)job.Left), failed = jobs.Sum(static job => (long)job.Failed);
        double rate = jobs.Sum(static job => job.ImagesPerHour ?? 0);
        string status = string.Create(CultureInfo.CurrentCulture, $"{images - left - failed:N0} of {images:N0} images, {failed:N0} failed, {jobs.Sum(static job => job.Running):N0} in work, {rate:N0} images an hour");
        ProgressRecord record = new(ActivityId, jobs.Length == 1 ? $"Job {jobs[0].Name}: {jobs[0].State}" : $"{jobs.Length} jobs", status)
        {
            PercentComplete = (int)(100 * (images - left) / images),
        };
        if (jobs.Max(static job => job.TimeLeft) is TimeSpan time)
            record.SecondsRemaining = (int)Math.Min(time.TotalSeconds, int.MaxValue);
        WriteProgress(record);
    }
}
