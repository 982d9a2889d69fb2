using System.Globalization;

namespace StableDiffusion.Hub;

/// <summary>Notices a hub that is never silent for long, but sends so little that a download would never end.</summary>
internal sealed class DownloadPace
{
    /// <summary>The fewest bytes a second; slower than any line.</summary>
    private const int LeastRate = 1000;

    private static readonly TimeSpan s_window = TimeSpan.FromSeconds(60);

    private TimeSpan _time;
    private long _bytes;

    /// <summary>Counts what was received.</summary>
    /// <param name="bytes">The number of bytes.</param>
    /// <param name="time">How long they took.</param>
    /// <exception cref="TransientException">They were too few for a whole minute.</exception>
    public void Add(int bytes, TimeSpan time)
    {
        _bytes += bytes;
        _time += time;
        if (_time < s_window)
            return;
        if (_bytes < LeastRate * _time.TotalSeconds)
            throw new TransientException(string.Create(CultureInfo.CurrentCulture, $"the hub sent only {_bytes:N0} bytes in {_time.TotalSeconds:N0} s"));

        _bytes = 0;
        _time = TimeSpan.Zero;
    }
}
