using StableDiffusion.Pipelines.Estimates;
using StableDiffusion.Storage;

namespace StableDiffusion.Batches.Bills;

/// <summary>Adds up a bill, image by image. It keeps rows that fail, and of the others only sums for each kind of image.</summary>
/// <param name="times">What is known of the time that images take.</param>
/// <param name="program">The memory of the program that makes the images, without this library, in bytes.</param>
internal sealed class BillTally(MakingTimes times, long program)
{
    // ONNX Runtime, this library and its compiled code. Measured with the model that ships with it, on Linux, x64: 55 to 100 MB.
    private const long RuntimeMemory = 72L << 20;

    private const int BytesPerPixel = 3;

    // Settings and chunks of a file beside its pixels.
    private const int BytesPerFile = 16 << 10;

    private readonly OrderedDictionary<string, (ImageWork Work, int Images, bool IsBuilt)> _models = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Model, string Device, string Shape, long Calls), (ImageWork Work, int Images)> _kinds = [];
    private readonly Dictionary<(string Extension, int Width, int Height), int> _files = [];
    private readonly Dictionary<string, long> _weights = new(StringComparer.Ordinal);
    private readonly List<FailingRow> _failing = [];
    private int _rows;
    private int _images;
    private int _unchanged;
    private int _failed;
    private long _calls;
    private long _memory;
    private string? _folder;

    /// <summary>The number of rows so far.</summary>
    public int Rows => _rows;

    /// <summary>Adds a row.</summary>
    public void AddRow() => _rows++;

    /// <summary>Adds a row that fails, which was counted.</summary>
    /// <param name="row">The row.</param>
    /// <param name="images">How many of its images would not be there.</param>
    public void Add(FailingRow row, int images)
    {
        _failing.Add(row);
        _failed += images;
    }

    /// <summary>Adds an image.</summary>
    /// <param name="image">The image.</param>
    public void Add(PlannedImage image)
    {
        if (image.Work is not ImageWork work)
        {
            _unchanged++;
            return;
        }

        _images++;
        _calls += work.Calls;
        _memory = Math.Max(_memory, Math.Max(work.StepMemory * image.AtOnce, work.VaeMemory));
        foreach ((string path, long bytes) in work.Weights)
            AddWeights(path, bytes);
        (ImageWork _, int made, bool _) = _models.GetValueOrDefault(work.ModelPath);
        _models[work.ModelPath] = (work, made + 1, image.IsBuilt);
        (string, string, string, long) kind = (work.ModelPath, work.Device, work.Shape, work.Calls);
        _kinds[kind] = (work, _kinds.GetValueOrDefault(kind).Images + 1);
        if (image.File is not string file)
            return;
        _folder ??= Path.GetDirectoryName(file);
        (string, int, int) format = (Path.GetExtension(file).ToLowerInvariant(), work.Width, work.Height);
        _files[format] = _files.GetValueOrDefault(format) + 1;
    }

    /// <summary>Adds the weights of a model, which stays open.</summary>
    /// <param name="path">The full path of the model.</param>
    /// <param name="bytes">The memory that they take.</param>
    public void AddWeights(string path, long bytes) => _weights[path] = bytes;

    /// <summary>Ends the bill.</summary>
    public BatchBill Finish()
    {
        foreach ((ImageWork work, _, _) in _models.Values)
            times.Resolve(work);
        double seconds = 0;
        int without = 0;
        HashSet<string> opened = new(StringComparer.Ordinal);
        foreach ((ImageWork work, int images) in _kinds.Values)
        {
            if (times.SecondsOf(work) is not double each)
            {
                without += images;
                continue;
            }

            seconds += (each * images) + (opened.Add(work.ModelPath) ? times.OpeningOf(work) : 0);
        }

        double disk = 0;
        bool isBound = false;
        foreach (((string extension, int width, int height), int count) in _files)
        {
            double? bytes = times.BytesPerPixel(extension);
            isBound |= bytes is null;
            disk += count * ((bytes ?? BytesPerPixel) * width * height + (bytes is null ? BytesPerFile : 0));
        }

        return new BatchBill
        {
            Rows = _rows,
            Images = _images + _unchanged + _failed,
            ToMake = _images,
            Unchanged = _unchanged,
            Failed = _failed,
            Failing = _failing.ToArray(),
            UNetCalls = _calls,
            Time = opened.Count == 0 ? null : TimeSpan.FromSeconds(seconds),
            ImagesWithoutHistory = without,
            PeakMemory = program + (_images == 0 ? 0 : RuntimeMemory + _memory + _weights.Values.Sum()),
            Disk = (long)disk,
            IsDiskBound = isBound,
            DiskFree = _folder is null ? null : DiskSpace.Free(_folder),
            Models = _models.Values.Select(static model => new BilledModel(model.Work.Model, model.Images, model.Work.ModelLength, model.IsBuilt)).ToArray(),
        };
    }
}
