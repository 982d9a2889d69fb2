using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using StableDiffusion.Building;
using StableDiffusion.Library;
using StableDiffusion.Onnx;
using StableDiffusion.Quantization;
using StableDiffusion.Running;
using StableDiffusion.Storage;
using StableDiffusion.Tests.Pipelines;

[assembly: AssemblyFixture(typeof(StableDiffusion.Tests.SharedModels))]

namespace StableDiffusion.Tests;

/// <summary>
/// The folders of built models that several classes of tests use. The first test to ask for one builds it, and no test
/// may change it.
/// </summary>
public sealed class SharedModels : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ConcurrentDictionary<string, Lazy<string>> _built = new();
    private readonly ConcurrentDictionary<string, Lazy<DiffusionModel>> _open = new();
    private readonly List<int> _calibrationWidths = [];

    public string Demo => Build(() => DemoSource(ModelPrecision.Full));

    public string HalfDemo => Build(() => DemoSource(ModelPrecision.Half));

    /// <summary>The demo model with a U-Net of 8-bit integers.</summary>
    public string IntegerDemo => Build(() => DemoSource(ModelPrecision.Int8), NoteCalibration);

    /// <summary>The widths of the images that <see cref="IntegerDemo"/> was calibrated with.</summary>
    public IReadOnlyList<int> CalibrationWidths
    {
        get
        {
            _ = IntegerDemo;
            return _calibrationWidths;
        }
    }

    /// <summary>The demo model with a third of the U-Net's channels, for tests of many denoisings whose pictures need not look like anything.</summary>
    public string Thin => Build(() =>
    {
        string source = _folder["source of the thin one"];
        ThinModel.Write(Repository.DemoModel, source);
        return DiffusersFolder.Find(source);
    });

    /// <summary>The reference's tiny Stable Diffusion 1.</summary>
    public string Sd1 => Build(() => File("sd1", "sd1-tiny.safetensors"));

    /// <summary>The same, of a folder in the layout of diffusers.</summary>
    public string Sd1Folder => Build(static () => DiffusersFolder.Find(FamilyReference.Find("sd1-diffusers")));

    /// <summary>The reference's tiny Stable Diffusion 2, which predicts velocity.</summary>
    public string Sd2 => Build(() => File("sd2", "sd2-v-tiny.safetensors"));

    /// <summary>The reference's tiny inpainting model.</summary>
    public string Inpainting => Build(() => File("sd1-inpaint", "sd1-inpaint-tiny.safetensors"));

    /// <summary>A model that edits images by instructions.</summary>
    public string Edit => Build(() => Written(SmallEditModel.Write));

    /// <summary>The reference's tiny Stable Diffusion XL.</summary>
    public string Large => Build(() => File("sdxl", "sdxl-tiny.safetensors"));

    /// <summary>A refiner made from <see cref="Large"/>.</summary>
    public string Refiner => Build(() => Written(SmallRefiner.Write));

    /// <summary>The reference's tiny refiner of <see cref="Large"/>.</summary>
    public string ReferenceRefiner => Build(static () => new ReferenceRefiner());

    /// <summary>The folder of the model that a property of this class has.</summary>
    /// <param name="name">The name of the property.</param>
    internal string Find(string name) => (string)typeof(SharedModels).GetProperty(name)!.GetValue(this)!;

    /// <summary>One of the models, open on the processor; it stays open for the tests after this one.</summary>
    internal DiffusionModel Open(string folder) => _open.GetOrAdd(
        folder, static folder => new(() => new DiffusionModel(ModelLibrary.Default.Models.Describe(Path.GetFileName(folder), folder, TestContext.Current.CancellationToken), Device.Cpu) { CacheFolder = StorageFolders.FromEnvironment().Cache })).Value;

    public void Dispose()
    {
        ModelLibrary.Default.CloseModels();
        foreach (Lazy<DiffusionModel> model in _open.Values)
            model.Value.Dispose();
        _folder.Dispose();
    }

    private static DiffusersFolder DemoSource(ModelPrecision precision) =>
        DiffusersFolder.Find(Repository.DemoModel, new ImportOptions { Precision = precision });

    private static CheckpointSource File(params string[] path) => new(FamilyReference.Find(path), new ImportOptions());

    private CheckpointSource Written(Action<string> write, [CallerArgumentExpression(nameof(write))] string name = "")
    {
        string path = _folder[$"{name}.safetensors"];
        write(path);
        return new(path, new ImportOptions());
    }

    private string Build(Func<IModelSource> source, Action<ProgressReport>? progress = null, [CallerMemberName] string name = "") => _built.GetOrAdd(
        name, name => new(() => ModelBuilder.Build(source(), _folder[name], new ProgressClock(progress, TimeSpan.Zero), writeInteger: IntegerUNet.Write))).Value;

    private void NoteCalibration(ProgressReport progress)
    {
        if (progress.Activity == BuildActivity.Calibrating)
            _calibrationWidths.Add(ModelLibrary.Default.Models.Describe("tried", Assert.Single(Directory.GetDirectories(_folder[nameof(IntegerDemo)], ".building-*")), TestContext.Current.CancellationToken).Width);
    }
}
