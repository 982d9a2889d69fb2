using System.IO.Hashing;
using System.Runtime.InteropServices;
using StableDiffusion.Batches.Claims;

namespace StableDiffusion.Batches.Jobs;

/// <summary>What the journals of a job's workers and the claims in the folder of the images say. It needs neither the workers nor the cluster.</summary>
internal sealed class JobProgress
{
    /// <summary>A claim, or a line of a journal, that is younger is one of a worker that is at work.</summary>
    public static readonly TimeSpan Alive = TimeSpan.FromSeconds(300);

    // The speed is that of so many last images.
    private const int MostTimed = 256;

    private static readonly EnumerationOptions s_everywhere = new() { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint, IgnoreInaccessible = true };

    private readonly HashSet<UInt128> _files = [];
    private readonly Dictionary<UInt128, Row> _rows = [];
    private readonly PriorityQueue<DateTimeOffset, DateTimeOffset> _ends = new();
    private readonly List<DateTimeOffset> _begun = [];
    private readonly Func<string?, int> _imagesOf;

    private JobProgress(Func<string?, int> imagesOf) => _imagesOf = imagesOf;

    /// <summary>How many images are there.</summary>
    public int Done => _files.Count;

    /// <summary>How many images of rows with an error are not there.</summary>
    public int Failed { get; private set; }

    /// <summary>How many claims a living worker has.</summary>
    public int Claims { get; private set; }

    /// <summary>When the work on an image ended last; null if that was never.</summary>
    public DateTimeOffset? LastEnd { get; private set; }

    /// <summary>How many images are made in an hour; null if none was made.</summary>
    public double? ImagesPerHour { get; private set; }

    /// <summary>Reads all journals once.</summary>
    /// <param name="folder">The folder of the job.</param>
    /// <param name="imagesOf">How many images a row is, that is given in words as a journal has them.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    public static JobProgress Read(JobFolder folder, Func<string?, int> imagesOf, CancellationToken cancellationToken)
    {
        JobProgress progress = new(imagesOf);
        foreach (JournalOutcome outcome in JournalFiles.Of(folder).SelectMany(journal => Journal.ReadOutcomes(journal, cancellationToken)))
            progress.Add(outcome);

        progress.Failed = progress._rows.Values.Where(static row => row.HasFailed).Sum(static row => Math.Max((long)row.Images - row.Made, 0)) is var failed ? (int)Math.Min(failed, int.MaxValue) : 0;
        progress.CountClaims(folder);
        progress.Time();
        return progress;
    }

    private void Add(JournalOutcome outcome)
    {
        if (LastEnd is null || outcome.Time > LastEnd)
            LastEnd = outcome.Time;
        ref Row row = ref CollectionsMarshal.GetValueRefOrAddDefault(_rows, Key(outcome.Row ?? string.Empty), out _);
        if (outcome.Status == JournalStatus.Failed)
        {
            if (!row.HasFailed)
                (row.HasFailed, row.Images) = (true, _imagesOf(outcome.Row));
            return;
        }

        // Two equal rows have one file, and are asked for as two images.
        if (outcome.File is not null && _files.Add(Key($"{outcome.Row}\n{outcome.File}")))
            row.Made++;
        if (outcome is { Status: JournalStatus.Made, Seconds: double seconds } && seconds is >= 0 and < 1e9 && outcome.Time - DateTimeOffset.MinValue > TimeSpan.FromSeconds(seconds))
        {
            _ends.Enqueue(outcome.Time - TimeSpan.FromSeconds(seconds), outcome.Time);
            if (_ends.Count > MostTimed)
                _ends.Dequeue();
        }
    }

    /// <remarks>While a worker is at work, the time goes on; otherwise the last image is the end.</remarks>
    private void Time()
    {
        if (_ends.Count == 0)
            return;
        _begun.AddRange(_ends.UnorderedItems.Select(static item => item.Element));
        DateTimeOffset end = Claims > 0 ? DateTimeOffset.Now : _ends.UnorderedItems.Max(static item => item.Priority);
        ImagesPerHour = _ends.Count / Math.Max((end - _begun.Min()).TotalHours, 1e-6);
    }

    /// <remarks>Another job can have the same folder of images. Where the workers have not said what they are, all claims count.</remarks>
    private void CountClaims(JobFolder folder)
    {
        if (!Directory.Exists(folder.OutDirectory))
            return;
        DateTime oldest = DateTime.UtcNow - Alive;
        WorkerRecord[] workers = [.. WorkerRecord.ReadAll(folder.Workers)];
        Claims = new DirectoryInfo(folder.OutDirectory).EnumerateFiles("*" + ClaimFile.Ending, s_everywhere).Count(file => file.LastWriteTimeUtc > oldest && IsAlive(file.FullName, workers));
    }

    private static bool IsAlive(string claim, WorkerRecord[] workers)
    {
        try
        {
            if (ClaimFile.Find(claim) is not ClaimState state)
                return false;
            ClaimOwner? owner = state.Content is null ? null : ClaimOwner.Read(state.Content);
            return owner is null || (!owner.HasEnded && (workers.Length == 0 || Array.Exists(workers, worker => worker.ProcessId == owner.Process && worker.Host == owner.Host)));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return true;
        }
    }

    // A table can have millions of rows: 16 bytes stand for a text.
    private static UInt128 Key(string text) => XxHash128.HashToUInt128(MemoryMarshal.AsBytes(text.AsSpan()));

    private struct Row
    {
        public bool HasFailed;
        public int Images;
        public int Made;
    }
}
