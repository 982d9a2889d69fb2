using System.Management.Automation;
using SdPowerShell.Errors;
using StableDiffusion;
using StableDiffusion.Batches;
using StableDiffusion.Batches.Jobs;

namespace SdPowerShell.Commands;

/// <summary>Ends the workers of jobs. They keep their half-done images.</summary>
[Cmdlet(VerbsLifecycle.Stop, "DiffusionJob", DefaultParameterSetName = FileCmdlet.PathSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(DiffusionJob))]
public sealed class StopDiffusionJobCommand : JobCmdlet
{
    /// <summary>How many seconds the workers have to end by themselves, 0 to 3600.</summary>
    [Parameter]
    [ValidateRange(0, 3600)]
    public int Timeout { get; set; } = 60;

    /// <summary>Returns the jobs.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        if (!MyInvocation.ExpectingInput && !MyInvocation.BoundParameters.Keys.Any(static parameter => parameter is nameof(Path) or nameof(LiteralPath) or nameof(Name)))
            ThrowTerminatingError(DiffusionError.ToErrorRecord(new InvalidSettingException(nameof(Name), "Neither a folder nor the name of a job is given. Give one; '*' are all jobs in the current folder."), null, MyInvocation.MyCommand));
    }

    /// <inheritdoc/>
    private protected override void Process(IEnumerable<DiffusionJob> jobs)
    {
        foreach (DiffusionJob job in jobs)
            ProcessOne(job, () => Stop(job));
    }

    private void Stop(DiffusionJob job)
    {
        JobFolder folder = JobFolder.At(job.Folder);
        if (!job.HasEnded && ShouldProcess($"{job}", "Stop job"))
        {
            TimeSpan patience = TimeSpan.FromSeconds(Timeout);
            if (job.Backend == JobBackend.Slurm)
                Slurm.Stop(folder, job.Record, patience, CancellationToken);
            else
                LocalWorkers.Stop(folder, patience, CancellationToken);
        }

        if (PassThru)
        {
            foreach (DiffusionJob after in Look([folder]))
                WriteObject(after);
        }
    }
}
