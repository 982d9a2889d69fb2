using System.Collections.Concurrent;
using StableDiffusion.Storage;

namespace StableDiffusion.Batches.Claims;

/// <summary>
/// Claims images for this process, so that of several processes on a shared folder only one makes each. The claims are
/// touched from time to time; one whose process has ended, or that was not touched for too long, is taken over.
/// </summary>
internal sealed class ClaimKeeper : IDisposable
{
    private const int MostTries = 20;
    private const int MostRemovals = 200;

    // A part of the timeout by which the clocks of computers may differ before the file system is asked for its own.
    private const int ClockPart = 2;

    private const int BeatsPerTimeout = 5;

    private static readonly TimeSpan s_longestBeat = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(5);

    private readonly TimeSpan _timeout;
    private readonly ConcurrentDictionary<Claim, bool> _held = new();
    private readonly Timer _timer;
    private readonly Lock _lock = new();
    private bool _isBeating;

    /// <summary>Initializes the keeper.</summary>
    /// <param name="timeout">How long a claim lives that is not touched.</param>
    public ClaimKeeper(TimeSpan timeout)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(timeout, TimeSpan.Zero);
        _timeout = timeout;
        _timer = new Timer(_ => Beat());
    }

    /// <summary>Takes an image.</summary>
    /// <param name="file">The full path of its file, whose folder exists.</param>
    /// <param name="owner">The process that has it, or that had it and has ended; null if there is none, or it is not known.</param>
    /// <param name="cancellationToken">Cancels the waiting for others that look at the claim at this moment.</param>
    /// <returns>The claim; null if another process, or another pipeline of this one, has it.</returns>
    /// <exception cref="OutputWriteException">The claim cannot be written.</exception>
    public Claim? TryTake(string file, out ClaimOwner? owner, CancellationToken cancellationToken = default)
    {
        string path = ClaimFile.PathOf(file);
        byte[] content = ClaimOwner.New().Write();
        owner = null;
        try
        {
            for (int attempt = 1; attempt <= MostTries; attempt++)
            {
                if (ClaimFile.Find(path) is ClaimState state)
                {
                    if (!IsDead(path, state, out owner))
                    {
                        if (owner is not null || state.Content is not null)
                            return null;
                        Pause(cancellationToken);
                        continue;
                    }

                    if (!ClaimFile.TryRemove(path, state.Content!, state.Time))
                    {
                        Pause(cancellationToken);
                        continue;
                    }
                }

                if (ClaimFile.TryCreate(path, content))
                    return Hold(file, content);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new OutputWriteException($"The claim '{path}' cannot be written: {Sentence.Of(error)} Make sure that the folder is writable, or run one process alone without claims.", error);
        }

        return null;
    }

    /// <summary>Removes what ended processes left: the claim of an image that is finished, and temporary files in its folder.</summary>
    /// <param name="file">The full path of the image file.</param>
    public void Sweep(string file)
    {
        string path = ClaimFile.PathOf(file);
        TemporaryFile.SweepOnce(Path.GetDirectoryName(path)!);
        try
        {
            if (ClaimFile.Find(path) is ClaimState state && IsDead(path, state, out _))
                ClaimFile.TryRemove(path, state.Content!, state.Time);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The image is there all the same.
        }
    }

    /// <summary>Gives all claims back, and ends the touching.</summary>
    public void Dispose()
    {
        foreach (Claim claim in _held.Keys)
            claim.Dispose();
        _timer.Dispose();
    }

    internal void GiveBack(Claim claim, byte[] content)
    {
        if (!_held.TryRemove(claim, out _))
            return;
        string path = ClaimFile.PathOf(claim.File);
        try
        {
            // Others that only read it have it locked for a moment.
            for (int attempt = 0; attempt < MostRemovals && !ClaimFile.TryRemove(path, content) && ClaimFile.Find(path) is ClaimState state && (state.Content is null || state.Content.AsSpan().SequenceEqual(content)); attempt++)
                Thread.Sleep(s_pause);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // It is dead when this process has ended, or after the timeout.
        }
    }

    private Claim Hold(string file, byte[] content)
    {
        Claim claim = new(this, file, content);
        _held[claim] = true;
        lock (_lock)
        {
            if (!_isBeating)
            {
                TimeSpan period = TimeSpan.FromTicks(Math.Min(_timeout.Ticks / BeatsPerTimeout, s_longestBeat.Ticks));
                _timer.Change(period, period);
                _isBeating = true;
            }
        }

        return claim;
    }

    private void Beat()
    {
        foreach (Claim claim in _held.Keys)
            claim.Renew();
    }

    private bool IsDead(string path, ClaimState state, out ClaimOwner? owner)
    {
        owner = state.Content is null ? null : ClaimOwner.Read(state.Content);
        if (state.Content is null)
            return false;
        if (owner?.HasEnded == true || ClaimFile.IsGivenUp(state.Content))
            return true;

        // The clock of this computer can be another one than that of the file system.
        TimeSpan age = DateTime.UtcNow - state.Time;
        return age.Duration() >= _timeout / ClockPart && TimeOf(Path.GetDirectoryName(path)!) - state.Time > _timeout;
    }

    /// <summary>The time of the file system of a folder.</summary>
    private static DateTime TimeOf(string folder)
    {
        string temporary = TemporaryFile.NewIn(folder);
        try
        {
            new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None).Dispose();
            return File.GetLastWriteTimeUtc(temporary);
        }
        finally
        {
            AtomicWriter.TryDelete(temporary);
        }
    }

    private static void Pause(CancellationToken cancellationToken)
    {
        cancellationToken.WaitHandle.WaitOne(s_pause * (1 + Random.Shared.NextDouble()));
        cancellationToken.ThrowIfCancellationRequested();
    }
}
