using System.IO.MemoryMappedFiles;

namespace StableDiffusion.Fuzz;

/// <summary>What a worker has done so far, in a file that outlives its process.</summary>
internal sealed class WorkerState : IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;

    /// <summary>Opens or creates the file.</summary>
    public WorkerState(string path)
    {
        _file = MemoryMappedFile.CreateFromFile(path, FileMode.OpenOrCreate, mapName: null, capacity: 64);
        _view = _file.CreateViewAccessor();
    }

    /// <summary>The case that is being run, or would be next.</summary>
    public long Index
    {
        get => _view.ReadInt64(0);
        set => _view.Write(0, value);
    }

    /// <summary>The number of cases that were read.</summary>
    public long Accepted
    {
        get => _view.ReadInt64(8);
        set => _view.Write(8, value);
    }

    /// <summary>The number of cases that were refused by a typed error.</summary>
    public long Refused
    {
        get => _view.ReadInt64(16);
        set => _view.Write(16, value);
    }

    /// <summary>The processor time of the slowest case.</summary>
    public TimeSpan Slowest
    {
        get => new(_view.ReadInt64(24));
        set => _view.Write(24, value.Ticks);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
    }
}
