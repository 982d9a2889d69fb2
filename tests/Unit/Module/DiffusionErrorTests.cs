using System.Management.Automation;
using StableDiffusion.Onnx;

namespace StableDiffusion.Tests.Module;

public sealed class DiffusionErrorTests : IDisposable
{
    private const string CmdletName = "StableDiffusion.Tests.Module.InvokeProbeCommand";

    private readonly ModuleShell _shell = new(typeof(InvokeProbeCommand));

    public static TheoryData<DiffusionException, string, ErrorCategory, bool> Errors => new()
    {
        { new ModelNotFoundException("message"), "ModelNotFound", ErrorCategory.ObjectNotFound, true },
        { new ModelInvalidException("message"), "ModelInvalid", ErrorCategory.InvalidData, false },
        { new ControlNetNotFoundException("message"), "ControlNetNotFound", ErrorCategory.ObjectNotFound, false },
        { new VaeNotFoundException("message"), "VaeNotFound", ErrorCategory.ObjectNotFound, false },
        { new WildcardNotFoundException("message"), "WildcardNotFound", ErrorCategory.ObjectNotFound, false },
        { new UpscalerNotFoundException("message"), "UpscalerNotFound", ErrorCategory.ObjectNotFound, false },
        { new DetectorNotFoundException("message"), "DetectorNotFound", ErrorCategory.ObjectNotFound, false },
        { new AdapterNotFoundException("message"), "AdapterNotFound", ErrorCategory.ObjectNotFound, false },
        { new AdapterInvalidException("message"), "AdapterInvalid", ErrorCategory.InvalidData, false },
        { new UnsafeFileException("file.pt", "GLOBAL", "os.system", 2), "UnsafeFile", ErrorCategory.SecurityError, false },
        { new ShapeMismatchException("message"), "LatentShapeMismatch", ErrorCategory.InvalidData, false },
        { new NotFiniteException("message"), "NotFinite", ErrorCategory.InvalidData, false },
        { new LatentInvalidException("message"), "LatentInvalid", ErrorCategory.InvalidData, false },
        { new EmbeddingInvalidException("message"), "EmbeddingInvalid", ErrorCategory.InvalidData, false },
        { new ImageInvalidException("message"), "ImageInvalid", ErrorCategory.InvalidData, false },
        { new OutputExistsException("file.png"), "FileExists", ErrorCategory.ResourceExists, false },
        { new OutputWriteException("message"), "FileWriteFailed", ErrorCategory.WriteError, false },
        { new DownloadException("message", "owner/name"), "DownloadFailed", ErrorCategory.ConnectionError, false },
        { new DeviceUnavailableException("message"), "ExecutionProviderUnavailable", ErrorCategory.NotInstalled, true },
        { new InferenceException("message"), "InferenceFailed", ErrorCategory.InvalidResult, false },
        { new SchedulerNotFoundException("message"), "SchedulerNotFound", ErrorCategory.ObjectNotFound, false },
        { new NotRepeatableException("message"), "RecordNotRepeatable", ErrorCategory.InvalidData, false },
        { new JournalInvalidException("message"), "JournalInvalid", ErrorCategory.InvalidData, false },
        { new TableInvalidException("message"), "TableInvalid", ErrorCategory.InvalidData, false },
        { new RowInvalidException("jobs.csv", 2, "fault"), "RowInvalid", ErrorCategory.InvalidData, false },
        { new DiskFullException("file.png", new IOException("full")), "DiskFull", ErrorCategory.ResourceUnavailable, true },
        { new JobNotFoundException("message"), "JobNotFound", ErrorCategory.ObjectNotFound, false },
        { new JobInvalidException("message"), "JobInvalid", ErrorCategory.InvalidData, false },
        { new JobControlException("message"), "JobControlFailed", ErrorCategory.ResourceUnavailable, false },
        { new WorkInterruptedException("message"), "Interrupted", ErrorCategory.OperationStopped, true },
        { new OutputDiffersException("message"), "OutputDiffers", ErrorCategory.ResourceExists, false },
        { new ManifestInvalidException("message"), "ManifestInvalid", ErrorCategory.InvalidData, false },
        { new ImageDiffersException("message"), "ImageDiffers", ErrorCategory.InvalidResult, false },
        { new InvalidSettingException("Width", "message"), "WidthInvalid", ErrorCategory.InvalidArgument, false },
        { new InvalidSettingException("timestep_spacing", "message"), "SchedulerOptionInvalid", ErrorCategory.InvalidArgument, false },
    };

    public void Dispose() => _shell.Dispose();

    [Theory]
    [MemberData(nameof(Errors), DisableDiscoveryEnumeration = true)]
    public void An_error_of_the_engine_becomes_a_record_with_its_id_category_and_target(
        DiffusionException error, string id, ErrorCategory category, bool endsPipeline)
    {
        ShellResult result = _shell.Invoke("$input | Invoke-Probe", 1, error, 2);

        ErrorRecord record = Assert.Single(result.Errors);
        Assert.Equal($"{id},{CmdletName}", record.FullyQualifiedErrorId);
        Assert.Equal(category, record.CategoryInfo.Category);
        Assert.Same(error, record.TargetObject);
        Assert.Equal(error.Message, record.ToString());
        Assert.Equal(endsPipeline ? [1] : [1, 2], result.Values<int>());
    }

    [Fact]
    public void Every_error_of_the_engine_has_an_id()
    {
        IEnumerable<Type> kinds = typeof(DiffusionException).Assembly.GetTypes()
            .Where(type => type.IsSubclassOf(typeof(DiffusionException)) && !type.IsAbstract);

        Assert.Equal(
            kinds.Select(type => type.Name).Order(),
            Errors.Select(row => row.Data.Item1.GetType().Name).Distinct().Order());
    }

    [Fact]
    public void A_command_that_helps_follows_the_message()
    {
        // A command without -NamesOnly says nothing of it.
        DiffusionException[] errors = [.. Enum.GetValues<Remedy>().Where(static remedy => remedy != Remedy.GivePath).Select(remedy => new NotFiniteException("message.") { Remedy = remedy })];

        IReadOnlyList<ErrorRecord> records = _shell.Invoke("$input | Invoke-Probe", errors).Errors;

        Assert.Equal("message.", records[0].ToString());
        Assert.Null(records[0].ErrorDetails);
        Assert.All(records.Skip(1), record => Assert.Matches(@"^message\. .*-[A-Z]\w+.*\.$", record.ToString()));
    }

    public static TheoryData<Exception> Defects =>
        [new InvalidOperationException("defect\n"), new ArgumentException("defect"), new NotSupportedException("defect"), new PathTooLongException("defect"), new NullReferenceException("defect")];

    [Theory]
    [MemberData(nameof(Defects), DisableDiscoveryEnumeration = true)]
    public void An_error_that_is_not_the_engines_is_an_error_of_its_record_that_says_so(Exception defect)
    {
        ShellResult result = _shell.InvokeDefect("$input | Invoke-Probe", 1, defect, 2);

        ErrorRecord record = Assert.Single(result.Errors);
        Assert.Equal($"UnexpectedError,{CmdletName}", record.FullyQualifiedErrorId);
        Assert.Same(defect, record.Exception.InnerException);
        Assert.Same(defect, record.TargetObject);
        Assert.Contains("fault of the module", record.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(record.ToString(), char.IsControl);
        Assert.Equal([1, 2], result.Values<int>());
    }

    [Theory]
    [InlineData("$input | Invoke-Probe -ErrorAction Stop")]
    [InlineData("$input | Invoke-Probe | ForEach-Object { throw [System.ArgumentException]::new('mine') }")]
    [InlineData("foreach ($i in 1) { $input | Invoke-Probe | ForEach-Object { break } }")]
    public void What_ends_a_pipeline_from_outside_is_no_defect(string script) =>
        Assert.DoesNotContain(2, _shell.Invoke(script, 1, new ImageInvalidException("message"), 2).Values<int>());

    [Fact]
    public void ErrorAction_holds_for_a_bad_record()
    {
        ShellResult result = _shell.Invoke(
            "$input | Invoke-Probe -ErrorAction SilentlyContinue -ErrorVariable seen; $seen.Count", new ImageInvalidException("message"));

        Assert.False(result.HadErrors);
        Assert.Equal([1], result.Values<int>());
    }

    [Fact]
    public async Task Stopping_the_pipeline_cancels_the_work_and_tells_no_error()
    {
        using ManualResetEventSlim started = new();
        bool disposed = false;
        Action onDisposed = () => disposed = true;
        _shell.Set("disposed", onDisposed);

        Task<ShellResult> run = Task.Run(() => _shell.Invoke("$input | Invoke-Probe -Disposed $disposed", started, 2), TestContext.Current.CancellationToken);
        Assert.True(started.Wait(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken));
        _shell.Stop();
        ShellResult result = await run;

        Assert.True(result.Stopped);
        Assert.False(result.HadErrors);
        Assert.Empty(result.Output);
        Assert.True(disposed);
    }

    [Fact]
    public void The_devices_are_listed_and_a_name_that_is_none_is_an_error_of_its_record()
    {
        ShellResult result = _shell.Invoke("'cpu', 'nope', 'CUDA:1' | Get-DiffusionDevice");

        Assert.Equal([DeviceKind.Cpu, DeviceKind.Cuda], result.Values<DeviceInfo>().Select(device => device.Kind));
        ErrorRecord record = Assert.Single(result.Errors);
        Assert.Equal("DeviceInvalid,SdPowerShell.Commands.GetDiffusionDeviceCommand", record.FullyQualifiedErrorId);
        Assert.Equal("nope", record.TargetObject);
    }
}
