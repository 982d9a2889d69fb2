using StableDiffusion.Adapters;
using StableDiffusion.Onnx;
using StableDiffusion.Running;

namespace StableDiffusion.Library;

/// <summary>
/// The open models of this process, one for each folder or file, device and set of adapters. Of the models with adapters, only
/// the most recently used stay open. Thread-safe.
/// </summary>
internal sealed class ModelPool
{
    /// <summary>The number of models with adapters that stay open: enough to alternate between two.</summary>
    private const int AdaptedModels = 2;

    private readonly Lock _lock = new();
    private readonly Dictionary<Key, Entry> _entries = [];
    private long _uses;

    /// <summary>Gets a model for use, and opens it if it is not open on that device, or if its files have changed since.</summary>
    /// <param name="library">The library that has the model.</param>
    /// <param name="model">A name, folder or single file, as <see cref="ModelStore.Find"/> takes it.</param>
    /// <param name="device">The device.</param>
    /// <param name="adapters">The adapters to open it with; null for none.</param>
    public ModelLease Rent(ModelLibrary library, string? model, Device device, AdapterSet? adapters)
    {
        (string name, string path) = library.Models.Locate(model);
        int stamp = ModelStamp.Of(path);
        List<Entry> retired = [];
        ModelLease lease;
        lock (_lock)
        {
            // The configs are read once, not for every image.
            Key key = new(path, device, AdapterSet.Empty, library.Folders.Cache, library.Folders.ControlNets, library.Folders.Vaes);
            if (_entries.TryGetValue(key, out Entry? entry) && entry.Stamp != stamp)
            {
                // The model was replaced in its place; those who use it keep what they have.
                retired.AddRange(Retire(entry));
                entry = null;
            }

            if (entry is null)
            {
                // With another number of threads, it replaces the one that is open.
                retired.AddRange(_entries.Where(item => (item.Key.Device.Kind, item.Key.Device.Index) == (device.Kind, device.Index) && item.Key with { Device = device } == key).Select(static item => item.Value).ToArray().SelectMany(Retire));
                _entries.Add(key, entry = new Entry(Open(library, name, path, device), plain: null) { Stamp = stamp });
            }

            if (adapters is { IsEmpty: false })
                entry = Adapt(entry, key with { Adapters = adapters }, retired);
            entry.Leases++;
            entry.LastUse = ++_uses;
            lease = new ModelLease(this, entry);
        }

        foreach (Entry entry in retired)
            CloseIfUnused(entry);
        return lease;
    }

    /// <summary>Closes every model: immediately if it is not in use, otherwise when its last use ends.</summary>
    /// <returns>The number of models.</returns>
    public int Clear()
    {
        Entry[] entries;
        lock (_lock)
        {
            entries = [.. _entries.Values];
            _entries.Clear();
            foreach (Entry entry in entries)
                entry.IsRetired = true;
        }

        foreach (Entry entry in entries)
            CloseIfUnused(entry);
        return entries.Count(entry => entry.Plain is null);
    }

    public void Return(Entry entry)
    {
        Entry[] unwanted = [entry];
        lock (_lock)
        {
            entry.Leases--;
            if (entry.Model.ShouldClose)
                unwanted = [entry, .. Retire(entry)];
        }

        foreach (Entry each in unwanted)
            CloseIfUnused(each);
    }

    private void CloseIfUnused(Entry entry)
    {
        lock (_lock)
        {
            if (!entry.IsRetired || entry.Leases > 0 || entry.IsClosed)
                return;
            entry.IsClosed = true;
        }

        entry.Model.Dispose();
        if (entry.Plain is not null)
            Return(entry.Plain);
    }

    /// <summary>Has an entry, and those that share its parts, closed after their last use; the next use opens the model anew.</summary>
    private Entry[] Retire(Entry entry)
    {
        Entry plain = entry.Plain ?? entry;
        KeyValuePair<Key, Entry>[] retired = [.. _entries.Where(item => item.Value == plain || item.Value.Plain == plain)];
        foreach ((Key key, Entry other) in retired)
        {
            _entries.Remove(key);
            other.IsRetired = true;
        }

        return [.. retired.Select(static item => item.Value)];
    }

    /// <summary>Finds or opens a model with adapters, and removes the least recently used one if there are too many.</summary>
    private Entry Adapt(Entry plain, Key key, List<Entry> retired)
    {
        if (_entries.TryGetValue(key, out Entry? entry))
            return entry;

        _entries.Add(key, entry = new Entry(new DiffusionModel(plain.Model, key.Adapters), plain));
        plain.Leases++;
        entry.LastUse = ++_uses;
        KeyValuePair<Key, Entry>[] adapted = [.. _entries.Where(item => item.Value.Plain is not null).OrderBy(item => item.Value.LastUse)];
        foreach ((Key old, Entry oldest) in adapted.SkipLast(AdaptedModels))
        {
            _entries.Remove(old);
            oldest.IsRetired = true;
            retired.Add(oldest);
        }

        return entry;
    }

    private static DiffusionModel Open(ModelLibrary library, string name, string path, Device device)
    {
        using IDisposable? held = library.Models.Hold(path);
        return new(library.Models.Describe(name, path), device)
        {
            CacheFolder = library.Folders.Cache,
            LocateControlNet = library.ControlNets.Locate,
            LocateVae = library.Vaes.Locate,
        };
    }

    /// <summary>A model in the pool.</summary>
    internal sealed class Entry(DiffusionModel model, Entry? plain)
    {
        /// <summary>The model without adapters, in use as long as this one is open; null for such a model itself.</summary>
        public Entry? Plain { get; } = plain;

        public long LastUse { get; set; }

        /// <summary>The <see cref="ModelStamp"/> of the files when the model was opened.</summary>
        public int Stamp { get; init; }

        public DiffusionModel Model { get; } = model;

        public int Leases { get; set; }

        public bool IsRetired { get; set; }

        public bool IsClosed { get; set; }
    }

    /// <summary>The key of an open model, with the folders that it uses.</summary>
    private readonly record struct Key(string Path, Device Device, AdapterSet Adapters, string Cache, string ControlNets, string Vaes);
}
