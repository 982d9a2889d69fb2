using StableDiffusion.Denoising;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines.Preparing;
using StableDiffusion.Running;

namespace StableDiffusion.Pipelines;

/// <summary>
/// Denoisings that are divided into batches, each of which goes through the U-Net together: those of latents of one size, with
/// as many calls of the U-Net to make and prompts of as many tokens. Dispose it after the last batch.
/// </summary>
/// <remarks>
/// Each keeps its own seed, scheduler, prompts and guidance, and gives the latent that it gives alone, but for the rounding of
/// sums. With ControlNets, each has its own control images; the ControlNets and their scales are the same in a batch. With reuse
/// of features, a batch has those of one scheduler and one interval of guidance. Others are made alone: with windows, composed
/// prompts (<c>AND</c>), guidance by an image, reuse of features for a prompt that changes with the steps, or a model whose graph
/// takes one latent at a time.
/// </remarks>
public sealed class DeviceBatches : IDisposable
{
    private readonly DiffusionPipeline _pipeline;
    private readonly DiffusionModel _model;
    private readonly IReadOnlyList<DenoiseJob> _jobs;
    private readonly PipelineMessages _messages;
    private readonly CancellationToken _cancellationToken;
    private IDisposable _use;

    internal DeviceBatches(DiffusionPipeline pipeline, DiffusionModel model, IReadOnlyList<DenoiseJob> jobs, int size, Action<int>? onJob, PipelineMessages messages, CancellationToken cancellationToken)
    {
        (_pipeline, _model, _jobs, _messages, _cancellationToken) = (pipeline, model, jobs, messages, cancellationToken);
        _use = model.Use(ModelPart.UNet);
        try
        {
            All = [.. Divide(size, onJob).OrderBy(static batch => batch.Jobs[0])];
        }
        catch
        {
            _use.Dispose();
            throw;
        }
    }

    /// <summary>The batches, in the order of their first jobs. Each is run once.</summary>
    public IReadOnlyList<DeviceBatch> All { get; }

    /// <summary>Lets the U-Net be closed again.</summary>
    public void Dispose() => _use.Dispose();

    /// <summary>Runs the denoisings of a batch.</summary>
    internal IReadOnlyList<DenoiseResult> Run(DeviceBatch batch, Action<StepProgress>? progress)
    {
        if (batch.Error is not null)
            return [new DenoiseResult(batch.Jobs[0], null, batch.Error)];
        if (batch.Rows.Count < 2)
            return [RunAlone(batch.Jobs[0], progress)];

        try
        {
            return RunTogether(batch, progress);
        }
        catch (InferenceException error)
        {
            // A session that was stopped for its memory keeps it until it is closed.
            _messages.Note?.Invoke($"The batch of {batch.Rows.Count} failed, so its images are made one by one. {error.Message}");
            _use.Dispose();
            _model.CloseUnused(_cancellationToken);
            IReadOnlyList<DenoiseResult> results = [.. batch.Jobs.Select(job => RunAlone(job, progress))];
            _use = _model.Use(ModelPart.UNet);
            return results;
        }
    }

    private IReadOnlyList<DenoiseResult> RunTogether(DeviceBatch batch, Action<StepProgress>? progress)
    {
        UNet unet = _pipeline.OpenUNet(_jobs[batch.Jobs[0]].Options, _cancellationToken);
        PreparedDenoising[] prepared = [.. batch.Rows.Select((row, i) => row.ForBatch(batch.Rows.Count, i))];
        DenoiseRow[] rows = [.. prepared.Select((row, i) => new DenoiseRow(row.Request with { KeepsClean = i == 0 && progress is not null }, unet))];
        new Denoiser(unet).Run(rows, SharedRuns.JoinsSides(_pipeline.LoopDevice), progress is null ? null : AfterCall, _cancellationToken);
        _pipeline.NoteRecording(unet);
        return [.. rows.Select((row, i) => Try(batch.Jobs[i], () => prepared[i].Capture(row.Finish(), row.Request.StopCall)))];

        void AfterCall(int row, DenoiseStep step)
        {
            if (row == 0)
                prepared[0].Report(step, progress!, clean => _pipeline.PreviewOf(clean, _jobs[batch.Jobs[0]].Options, _cancellationToken));
        }
    }

    private DenoiseResult RunAlone(int index, Action<StepProgress>? progress)
    {
        DenoiseJob job = _jobs[index];
        return Try(index, () => _pipeline.Denoise(job.Embedding, job.Negative, job.Start, job.Options, progress, _cancellationToken));
    }

    private static DenoiseResult Try(int job, Func<Latent> run)
    {
        try
        {
            return new DenoiseResult(job, run(), null);
        }
        catch (DiffusionException error) when (error is not WorkInterruptedException)
        {
            return new DenoiseResult(job, null, error);
        }
    }

    private IEnumerable<DeviceBatch> Divide(int size, Action<int>? onJob)
    {
        List<DeviceBatch> single = [];
        OrderedDictionary<string, List<(int Job, PreparedDenoising Row)>> groups = new(StringComparer.Ordinal);
        for (int job = 0; job < _jobs.Count; job++)
        {
            onJob?.Invoke(job);
            try
            {
                if (Prepare(_jobs[job], out string? reason) is PreparedDenoising prepared)
                {
                    string key = KeyOf(prepared.Request);
                    if (!groups.TryGetValue(key, out List<(int Job, PreparedDenoising Row)>? group))
                        groups.Add(key, group = []);
                    group.Add((job, prepared));
                }
                else
                {
                    _messages.Note?.Invoke($"The image is denoised alone, since {reason}.");
                    single.Add(new DeviceBatch(this, [job], [], null));
                }
            }
            catch (DiffusionException error)
            {
                single.Add(new DeviceBatch(this, [job], [], error));
            }
        }

        foreach (List<(int Job, PreparedDenoising Row)> group in groups.Values)
        {
            foreach ((int Job, PreparedDenoising Row)[] rows in group.Chunk(Fitting(group[0].Row, Math.Min(size, group.Count))))
                single.Add(new DeviceBatch(this, [.. rows.Select(static row => row.Job)], [.. rows.Select(static row => row.Row)], null));
        }

        return single;
    }

    /// <summary>Prepares a denoising for a batch.</summary>
    /// <param name="job">The denoising.</param>
    /// <param name="reason">Why it is made alone; null if it is not.</param>
    /// <returns>Null if it is made alone.</returns>
    private PreparedDenoising? Prepare(DenoiseJob job, out string? reason)
    {
        _pipeline.Check(job.Options, job.Start);
        UNet unet = _pipeline.OpenUNet(job.Options, _cancellationToken);
        reason = SharedRuns.WhyAlone(unet);
        if (reason is not null)
            return null;

        PreparedDenoising prepared = _pipeline.Prepare(job.Embedding, job.Negative, job.Start, job.Options, unet, _cancellationToken);
        reason = SharedRuns.WhyAlone(prepared.Request, unet);
        return reason is null ? prepared : null;
    }

    /// <summary>How many rows fit into memory, as far as is known. What does not fit on a card is an error of its run.</summary>
    private int Fitting(PreparedDenoising row, int rows)
    {
        if (rows < 2 || _model.Device.Kind != DeviceKind.Cpu)
            return rows;

        long each = new MemoryEstimate(_model, new VaeOptions()).Steps(row.Width, row.Height);
        _pipeline.FreeMemory(each * rows, _cancellationToken);
        int fitting = rows;
        while (fitting > 1 && !MemoryWatch.HasRoom(each * fitting))
            fitting--;
        if (fitting < rows)
            _messages.Note?.Invoke($"Of {rows} images, {fitting} are denoised at once: more do not fit into the memory.");
        return fitting;
    }

    // What rows of one batch have in common. Negative prompts of other lengths are runs of their own within it.
    private static string KeyOf(DenoiseRequest request) => string.Join(
        '|',
        request.Sample,
        request.Settings.ToTiling(),
        request.StopCall - request.NextCall,
        string.Join(',', request.Positive.Parts[0].Schedule.Select(static entry => entry.Embedding.HiddenStates.Shape[1]).Distinct().Order()),
        string.Join(',', request.Controls.Select(static control => $"{control.Net.Name}:{control.Scale}")),
        request.Reuse is FeatureReuse reuse ? KeyOf(reuse, request) : null);

    // The whole U-Net runs at the same calls, for the prompts and for the negative ones.
    private static string KeyOf(FeatureReuse reuse, DenoiseRequest request) => string.Join(
        ':',
        reuse.Interval,
        reuse.Branch,
        request.NextCall - request.OriginCall,
        request.Scheduler.Timesteps.Count - request.OriginCall,
        request.Settings.Steps,
        request.Settings.Scheduler,
        request.Settings.SchedulerOptions,
        request.Settings.GuidanceScale > Guidance.NeutralScale,
        request.Settings.GuidanceStart,
        request.Settings.GuidanceEnd,
        request.Settings.GuidanceSigmaMin,
        request.Settings.GuidanceSigmaMax,
        request.Negative?.Parts[0].Schedule[0].Embedding.HiddenStates.Shape[1]);
}

/// <summary>Denoisings that go through the U-Net together, or one alone.</summary>
public sealed class DeviceBatch
{
    private readonly DeviceBatches _batches;

    internal DeviceBatch(DeviceBatches batches, IReadOnlyList<int> jobs, IReadOnlyList<PreparedDenoising> rows, DiffusionException? error)
    {
        _batches = batches;
        Jobs = jobs;
        Rows = rows;
        Error = error;
    }

    /// <summary>The indices of the jobs, in their order.</summary>
    public IReadOnlyList<int> Jobs { get; }

    /// <summary>The rows; none if a job is made alone or cannot be made.</summary>
    internal IReadOnlyList<PreparedDenoising> Rows { get; }

    /// <summary>Why the only job cannot be made; null if it can.</summary>
    internal DiffusionException? Error { get; }

    /// <summary>Denoises.</summary>
    /// <param name="progress">Called after each step of the first one, on the calling thread; may be null.</param>
    /// <returns>A result for each of <see cref="Jobs"/>. An error of one of them is in its result.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public IReadOnlyList<DenoiseResult> Run(Action<StepProgress>? progress = null) => _batches.Run(this, progress);
}
