namespace StableDiffusion.Hub;

/// <summary>Counts the bytes received by several threads, for one reader.</summary>
/// <param name="repository">The repository.</param>
/// <param name="length">The total number of bytes.</param>
/// <param name="time">The clock.</param>
internal sealed class DownloadMeter(string repository, long length, TimeProvider time)
{
    // Long enough that the remaining time does not jump, short enough that a slower connection shows.
    private static readonly TimeSpan s_memory = TimeSpan.FromSeconds(5);

    private long _present;
    private long _transferred;
    private volatile string _file = string.Empty;
    private volatile string? _note;

    private long _lastTime = time.GetTimestamp();
    private long _lastTransferred;
    private double _rate;
    private double _weight;

    /// <summary>Counts received bytes.</summary>
    public void Receive(long count)
    {
        Interlocked.Add(ref _transferred, count);
        Interlocked.Add(ref _present, count);
    }

    /// <summary>Counts bytes that were downloaded before, or that were discarded, if negative.</summary>
    public void Find(long count) => Interlocked.Add(ref _present, count);

    /// <summary>Sets the file that was started.</summary>
    public void Begin(string file) => _file = file;

    /// <summary>Sets the reason for waiting; null for none.</summary>
    public void Wait(string? note) => _note = note;

    /// <summary>Reads the meter; called by one thread, several times a second.</summary>
    public DownloadProgress Read()
    {
        long now = time.GetTimestamp();
        double seconds = time.GetElapsedTime(_lastTime, now).TotalSeconds;
        long transferred = Interlocked.Read(ref _transferred);
        if (seconds > 0)
        {
            // An exponential average, divided by its accumulated weight so that it is right from the start.
            double fresh = 1 - Math.Exp(-seconds / s_memory.TotalSeconds);
            _rate += fresh * (((transferred - _lastTransferred) / seconds) - _rate);
            _weight += fresh * (1 - _weight);
            _lastTime = now;
            _lastTransferred = transferred;
        }

        long present = Math.Clamp(Interlocked.Read(ref _present), 0, length);
        double rate = _weight > 0 ? _rate / _weight : 0;
        TimeSpan? remaining = rate >= 1 && (length - present) / rate < TimeSpan.FromDays(365).TotalSeconds
            ? TimeSpan.FromSeconds((length - present) / rate)
            : null;
        return new DownloadProgress(repository, _file, present, length, rate, remaining, _note);
    }
}
