using StableDiffusion.Adapters;
using StableDiffusion.Onnx;
using StableDiffusion.Running;
using StableDiffusion.Storage;

namespace StableDiffusion.Library;

/// <summary>
/// The open models of this process, one for each folder or file, device and set of adapters. Of the models with adapters, only
/// the most recently used stay open. Thread-safe.
/// </summary>
public static class ModelCache
{
    /// <summary>The number of models with adapters that stay open: enough to alternate between two.</summary>
    private const int AdaptedModels = 2;

    private static readonly Lock s_lock = new();
    private static readonly Dictionary<(string Path, Device Device, AdapterSet Adapters), Entry> s_entries = [];
    private static long s_uses;

    /// <summary>Gets a model for use, and opens it if it is not open on that device.</summary>
    /// <param name="model">A name, folder or single file, as <see cref="ModelStore.Find"/> takes it.</param>
    /// <param name="device">The device.</param>
    /// <param name="adapters">The adapters to open it with; null for none.</param>
    /// <returns>The lease; dispose it after use.</returns>
    /// <exception cref="ModelNotFoundException">The model does not exist.</exception>
    /// <exception cref="ModelInvalidException">Its configs are damaged, or the file is not a model.</exception>
    /// <exception cref="UnsafeFileException">The file would run code.</exception>
    public static ModelLease Rent(string? model, Device device, AdapterSet? adapters = null)
    {
        (string name, string path) = ModelStore.Locate(model);
        List<Entry> retired = [];
        ModelLease lease;
        lock (s_lock)
        {
            // The configs are read once, not for every image.
            (string, Device, AdapterSet) key = (path, device, AdapterSet.Empty);
            if (!s_entries.TryGetValue(key, out Entry? entry))
                s_entries.Add(key, entry = new Entry(new DiffusionModel(ModelStore.Describe(name, path), device) { LocateControlNet = ControlNetStore.Locate }, plain: null));
            if (adapters is { IsEmpty: false })
                entry = Adapt(entry, (path, device, adapters), retired);
            entry.Leases++;
            entry.LastUse = ++s_uses;
            lease = new ModelLease(entry);
        }

        foreach (Entry entry in retired)
            CloseIfUnused(entry);
        return lease;
    }

    /// <summary>Closes every model: immediately if it is not in use, otherwise when its last use ends.</summary>
    /// <returns>The number of models.</returns>
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
        return entries.Count(entry => entry.Plain is null);
    }

    /// <summary>Deletes the cached graphs; each is built again when its model is next used.</summary>
    /// <exception cref="OutputWriteException">A file could not be deleted, such as a graph that another process has open.</exception>
    public static void DeleteGraphs()
    {
        try
        {
            if (Directory.Exists(StorageFolders.Cache))
                Directory.Delete(StorageFolders.Cache, recursive: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new OutputWriteException($"Not all graphs in '{StorageFolders.Cache}' could be deleted: {error.Message} Close the programs that use them and try again.", error);
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
        if (entry.Plain is not null)
            Return(entry.Plain);
    }

    /// <summary>Finds or opens a model with adapters, and removes the least recently used one if there are too many.</summary>
    private static Entry Adapt(Entry plain, (string Path, Device Device, AdapterSet Adapters) key, List<Entry> retired)
    {
        if (s_entries.TryGetValue(key, out Entry? entry))
            return entry;

        s_entries.Add(key, entry = new Entry(new DiffusionModel(plain.Model, key.Adapters), plain));
        plain.Leases++;
        entry.LastUse = ++s_uses;
        KeyValuePair<(string, Device, AdapterSet), Entry>[] adapted = [.. s_entries.Where(item => item.Value.Plain is not null).OrderBy(item => item.Value.LastUse)];
        foreach ((var old, Entry oldest) in adapted.SkipLast(AdaptedModels))
        {
            s_entries.Remove(old);
            oldest.IsRetired = true;
            retired.Add(oldest);
        }

        return entry;
    }

    /// <summary>A model in the cache.</summary>
    internal sealed class Entry(DiffusionModel model, Entry? plain)
    {
        /// <summary>The model without adapters, which is in use as long as this one is open; null if this is that model.</summary>
        public Entry? Plain { get; } = plain;

        public long LastUse { get; set; }

        public DiffusionModel Model { get; } = model;

        public int Leases { get; set; }

        public bool IsRetired { get; set; }

        public bool IsClosed { get; set; }
    }
}
