using StableDiffusion.Library;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Pipelines.Estimates;

namespace StableDiffusion.Batches.Bills;

/// <summary>
/// How long images took on this machine, by journals: for each model, device and shape of images a time for each image and one for
/// each call of the U-Net.
/// </summary>
/// <param name="library">The library that has the models.</param>
internal sealed class MakingTimes(ModelLibrary library)
{
    // Of each model the last images count.
    private const int MostEntries = 1000;
    private const int MostFiles = 200;

    private readonly Dictionary<string, Queue<JournalEntry>> _entries = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<(string Model, string Device, string Shape), List<(long Calls, double Seconds)>> _times = [];
    private readonly Dictionary<string, List<double>> _openings = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (double Bytes, double Pixels)> _files = new(StringComparer.OrdinalIgnoreCase);
    private int _filesRead;

    /// <summary>Adds a line of a journal, after those before it.</summary>
    /// <param name="entry">The line.</param>
    public void Add(JournalEntry entry)
    {
        if (entry is not { Status: JournalStatus.Made, Seconds: > 0, Device: not null, Settings.Model: string model })
            return;
        if (!_entries.TryGetValue(model, out Queue<JournalEntry>? entries))
            _entries.Add(model, entries = new Queue<JournalEntry>());
        entries.Enqueue(entry);
        if (entries.Count > MostEntries)
            entries.Dequeue();
    }

    /// <summary>Finds out what the images of a model took. Those of which that cannot be said any more do not count.</summary>
    /// <param name="image">An image of the model.</param>
    public void Resolve(ImageWork image)
    {
        if (!_entries.Remove(image.Model, out Queue<JournalEntry>? entries))
            return;
        using ModelLease lease = library.Open(image.ModelPath, Device.Cpu);
        DiffusionPipeline pipeline = new(lease.Model);
        DateTimeOffset? last = null;
        List<((string, string, string) Kind, long Calls, double Seconds)> firsts = [];
        foreach (JournalEntry entry in entries)
        {
            ImageWork work;
            try
            {
                work = pipeline.Estimate(entry.Settings!);
            }
            catch (DiffusionException)
            {
                // Its settings are no longer possible, such as those of a model that was replaced.
                continue;
            }

            AddFile(entry, work);
            (string, string, string) kind = (image.ModelPath, entry.Device!, work.Shape);
            double seconds = entry.Seconds!.Value;

            // The first image of a run opens the model too: there was a pause before it, if there was one at all.
            if (last is null || (entry.Time - last.Value).TotalSeconds > (2 * seconds) + 1)
                firsts.Add((kind, work.Calls, seconds));
            else
                TimesOf(kind).Add((work.Calls, seconds));
            last = entry.Time;
        }

        foreach (((string, string, string) kind, long calls, double seconds) in firsts)
        {
            if (SecondsOf(kind, calls) is double usual)
                OpeningsOf(image.ModelPath).Add(Math.Max(seconds - usual, 0));
            else
                TimesOf(kind).Add((calls, seconds));
        }
    }

    /// <summary>The seconds that an image takes once its model is open; null if there is no history of its model, device and shape.</summary>
    /// <param name="work">The image.</param>
    public double? SecondsOf(ImageWork work) => SecondsOf((work.ModelPath, work.Device, work.Shape), work.Calls);

    /// <summary>The seconds that it takes to open the model of an image; 0 if there is no history.</summary>
    /// <param name="work">The image.</param>
    public double OpeningOf(ImageWork work) => _openings.TryGetValue(work.ModelPath, out List<double>? openings) ? Median(openings) : 0;

    /// <summary>The bytes of image files for each pixel; null if there is no history.</summary>
    /// <param name="extension">The extension of their names, with its dot.</param>
    public double? BytesPerPixel(string extension) => _files.TryGetValue(extension, out (double Bytes, double Pixels) files) ? files.Bytes / files.Pixels : null;

    /// <remarks>The line of the least squares through the medians of each number of calls, since single images are disturbed by other programs.</remarks>
    private double? SecondsOf((string, string, string) kind, long calls)
    {
        if (!_times.TryGetValue(kind, out List<(long Calls, double Seconds)>? times))
            return null;
        (double Calls, double Seconds, double Weight)[] points = [.. times.GroupBy(static time => time.Calls).Select(static group => ((double)group.Key, Median([.. group.Select(static time => time.Seconds)]), (double)group.Count()))];
        double weight = points.Sum(static point => point.Weight);
        double middle = points.Sum(static point => point.Calls * point.Weight) / weight, mean = points.Sum(static point => point.Seconds * point.Weight) / weight;
        double spread = points.Sum(point => (point.Calls - middle) * (point.Calls - middle) * point.Weight);
        double slope = spread > 0 ? points.Sum(point => (point.Calls - middle) * (point.Seconds - mean) * point.Weight) / spread : -1;
        double constant = mean - (slope * middle);
        return slope < 0 || constant < 0 ? calls * mean / Math.Max(middle, 1) : constant + (slope * calls);
    }

    private void AddFile(JournalEntry entry, ImageWork work)
    {
        if (_filesRead >= MostFiles || entry.File is not string path)
            return;
        FileInfo file = new(path);
        if (!file.Exists)
            return;
        _filesRead++;
        (double bytes, double pixels) = _files.GetValueOrDefault(file.Extension);
        _files[file.Extension] = (bytes + file.Length, pixels + ((double)work.Width * work.Height));
    }

    private List<(long Calls, double Seconds)> TimesOf((string, string, string) kind) => _times.TryGetValue(kind, out List<(long Calls, double Seconds)>? times) ? times : _times[kind] = [];

    private List<double> OpeningsOf(string model) => _openings.TryGetValue(model, out List<double>? openings) ? openings : _openings[model] = [];

    private static double Median(List<double> values)
    {
        values.Sort();
        return (values[(values.Count - 1) / 2] + values[values.Count / 2]) / 2;
    }
}
