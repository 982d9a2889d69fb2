namespace StableDiffusion.Batches.Claims;

/// <summary>The right to make an image, which no other process has at that time. It is given back when it is disposed.</summary>
internal sealed class Claim : IDisposable
{
    private readonly ClaimKeeper _keeper;
    private readonly byte[] _content;
    private volatile bool _isLost;

    internal Claim(ClaimKeeper keeper, string file, byte[] content)
    {
        _keeper = keeper;
        _content = content;
        File = file;
    }

    /// <summary>The full path of the image file.</summary>
    public string File { get; }

    /// <summary>Whether it was found that another process has taken it over, since this one was suspended for too long.</summary>
    public bool IsLost => _isLost;

    /// <summary>Looks whether this process still has it.</summary>
    public bool Renew()
    {
        if (!_isLost && !ClaimFile.TryTouch(ClaimFile.PathOf(File), _content))
            _isLost = true;
        return !_isLost;
    }

    /// <summary>Gives it back, if this process still has it.</summary>
    public void Dispose() => _keeper.GiveBack(this, _content);
}
