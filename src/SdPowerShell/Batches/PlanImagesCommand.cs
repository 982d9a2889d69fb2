using System.Management.Automation;
using System.Reflection;
using SdPowerShell.Commands;
using SdPowerShell.Parameters;
using StableDiffusion.Adapters;
using StableDiffusion.Batches.Bills;
using StableDiffusion.Images;
using StableDiffusion.Pipelines;
using StableDiffusion.Pipelines.Estimates;

namespace SdPowerShell.Batches;

/// <summary>New-DiffusionImage in a trial, which says of each image what it would take, and makes none. It is run by Measure-DiffusionJob and Submit-DiffusionJob, and is no command of the module.</summary>
internal sealed class PlanImagesCommand : NewDiffusionImageCommand
{
    /// <summary>The files of the rows before, as a <c>PlannedFiles</c>.</summary>
    [Parameter(DontShow = true)]
    public object? Files { get; set; }

    /// <summary>The models of the rows before, as <c>PlannedModels</c>.</summary>
    [Parameter(DontShow = true)]
    public object? Models { get; set; }

    /// <summary>How many rows came before, in other parts of the trial.</summary>
    [Parameter(DontShow = true)]
    public int Before { get; set; }

    /// <summary>The parameters that no row sets, and that are given only so that PowerShell does not look for them in each row.</summary>
    [Parameter(DontShow = true)]
    public string[] Absent { get; set; } = [];

    private PlannedModels Opened => (PlannedModels)Models!;

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        using (PlanImagesCommand initial = new())
        {
            foreach (PropertyInfo property in Absent.Select(static name => typeof(PlanImagesCommand).GetProperty(name)!))
            {
                property.SetValue(this, property.GetValue(initial));
                MyInvocation.BoundParameters.Remove(property.Name);
            }
        }

        base.BeginProcessing();
        Planned = (PlannedFiles?)Files;
        RecordCount = Before;
    }

    /// <inheritdoc/>
    internal override void WriteWarning(string text) => Say(new WarningRecord(text));

    /// <inheritdoc/>
    private protected override void OnFailure(ErrorRecord record) => Say(record);

    /// <inheritdoc/>
    /// <remarks>Each row is looked at, even if the first one would end the run.</remarks>
    protected override bool EndsPipeline(Exception error) => false;

    /// <inheritdoc/>
    private protected override T Inspect<T>(string? model, Func<DiffusionPipeline, T> use) => use(Opened.Find(model, DeviceName, () => OpenModel(model)));

    /// <inheritdoc/>
    internal override T UseModel<T>(string? model, Func<DiffusionPipeline, T> use, AdapterSet? adapters = null) => base.UseModel(
        model,
        pipeline =>
        {
            Opened.Use(pipeline);
            return use(pipeline);
        },
        adapters);

    /// <inheritdoc/>
    internal override bool IsWanted(OutputTarget? target, string description, Func<DiffusionPipeline, ImageWork> estimate, AdapterSet? adapters, string? madeBy)
    {
        PlannedImage image = Inspect(pipeline => new PlannedImage { File = target?.Path, Work = estimate(pipeline), IsBuilt = Opened.IsBuilt(pipeline, CancellationToken), AtOnce = MostAtOnce }, madeBy);

        // Whether LoRAs fit is seen from the graphs, which are not built for that.
        if (adapters is { IsEmpty: false } && image.IsBuilt)
            UsePipeline(static _ => true, adapters, madeBy);
        Say(image);
        return false;
    }

    /// <inheritdoc/>
    internal override void PassOnPlanned(OutputTarget target) => Say(new PlannedImage { File = target.Path, Work = null });

    /// <inheritdoc/>
    internal override void PassOn(DiffusionImage image) => Say(new PlannedImage { File = image.Path, Work = null });

    private void Say(object value) => WriteObject(new PlannedOutput(Input?.Number, value));
}
