using StableDiffusion.Onnx;

namespace StableDiffusion.Models;

/// <summary>The models that are open in this process, one for each folder and device. Safe for use from several threads.</summary>
public static class ModelCache
{
    private static readonly Lock s_lock = new();
    private static readonly Dictionary<(string Path, Device Device), Entry> s_entries = [];

    /// <summary>Takes a model for use, opening it if it is not open on that device.</summary>
    /// <param name="model">A name or folder, as <see cref="ModelStore.Find"/> takes it.</param>
    /// <param name="device">The device.</param>
    /// <returns>The lease; dispose it after use.</returns>
    /// <exception cref="ModelNotFoundException">There is no such model.</exception>
    /// <exception cref="ModelInvalidException">Its configs are damaged.</exception>
    public static ModelLease Rent(string? model, Device device)
    {
        (string name, string folder) = ModelStore.Locate(model);
        lock (s_lock)
        {
            // Its configs are read once, not for every picture.
            (string, Device) key = (folder, device);
            if (!s_entries.TryGetValue(key, out Entry? entry))
                s_entries.Add(key, entry = new Entry(new DiffusionModel(ModelStore.Describe(name, folder), device)));
            entry.Leases++;
            return new ModelLease(entry);
        }
    }

    /// <summary>Closes every model: at once where it is not in use, and otherwise as soon as its last use ends.</summary>
    /// <returns>How many there were.</returns>
    public static int Clear()
    {
        Entry[] entries;
        lock (s_lock)
        {
            entries = [.. s_entries.Values];
            s_entries.Clear();
            foreach (Entry entry in entries)
                entry.IsRetired = true;
        }

        foreach (Entry entry in entries)
            CloseIfUnused(entry);
        return entries.Length;
    }

    /// <summary>Deletes the graphs that were built from models; each is built again when its model is next used.</summary>
    /// <exception cref="OutputWriteException">Something of it could not be deleted, such as a graph that another process has open.</exception>
    public static void DeleteGraphs()
    {
        try
        {
            if (Directory.Exists(StorageFolders.Cache))
                Directory.Delete(StorageFolders.Cache, recursive: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new OutputWriteException($"Not all graphs in '{StorageFolders.Cache}' could be deleted: {error.Message} Close what uses them and try again.", error);
        }
    }

    internal static void Return(Entry entry)
    {
        lock (s_lock)
            entry.Leases--;
        CloseIfUnused(entry);
    }

    private static void CloseIfUnused(Entry entry)
    {
        lock (s_lock)
        {
            if (!entry.IsRetired || entry.Leases > 0 || entry.IsClosed)
                return;
            entry.IsClosed = true;
        }

        entry.Model.Dispose();
    }

    /// <summary>A model in the cache.</summary>
    internal sealed class Entry(DiffusionModel model)
    {
        public DiffusionModel Model { get; } = model;

        public int Leases { get; set; }

        public bool IsRetired { get; set; }

        public bool IsClosed { get; set; }
    }
}
