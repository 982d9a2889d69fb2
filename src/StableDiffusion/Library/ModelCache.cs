using StableDiffusion.Adapters;
using StableDiffusion.Onnx;
using StableDiffusion.Running;
using StableDiffusion.Storage;

namespace StableDiffusion.Library;

/// <summary>
/// The models that are open in this process, one for each folder or file, device and set of adapters. Of sets of adapters only
/// those that were used last stay open. Safe for use from several threads.
/// </summary>
public static class ModelCache
{
    /// <summary>How many models with adapters stay open: enough to go back and forth between two.</summary>
    private const int AdaptedModels = 2;

    private static readonly Lock s_lock = new();
    private static readonly Dictionary<(string Path, Device Device, AdapterSet Adapters), Entry> s_entries = [];
    private static long s_uses;

    /// <summary>Takes a model for use, opening it if it is not open on that device.</summary>
    /// <param name="model">A name, folder or single file, as <see cref="ModelStore.Find"/> takes it.</param>
    /// <param name="device">The device.</param>
    /// <param name="adapters">The adapters to open it with; null for none.</param>
    /// <returns>The lease; dispose it after use.</returns>
    /// <exception cref="ModelNotFoundException">There is no such model.</exception>
    /// <exception cref="ModelInvalidException">Its configs are damaged, or the file is no model.</exception>
    /// <exception cref="UnsafeFileException">The file asks for code to be run.</exception>
    public static ModelLease Rent(string? model, Device device, AdapterSet? adapters = null)
    {
        (string name, string path) = ModelStore.Locate(model);
        List<Entry> retired = [];
        ModelLease lease;
        lock (s_lock)
        {
            // Its configs are read once, not for every image.
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
        return entries.Count(entry => entry.Plain is null);
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
        if (entry.Plain is not null)
            Return(entry.Plain);
    }

    /// <summary>Finds or makes a model with adapters, and takes the one out that was not used for longest if there are too many.</summary>
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
        /// <summary>The model without adapters, in use as long as this one is open; null for such a model itself.</summary>
        public Entry? Plain { get; } = plain;

        public long LastUse { get; set; }

        public DiffusionModel Model { get; } = model;

        public int Leases { get; set; }

        public bool IsRetired { get; set; }

        public bool IsClosed { get; set; }
    }
}
