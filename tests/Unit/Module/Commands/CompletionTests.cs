using System.Management.Automation;
using StableDiffusion.Sampling;

namespace StableDiffusion.Tests.Module.Commands;

/// <summary>What the Tab key offers.</summary>
public sealed class CompletionTests(CommandShell fixture) : CommandTests(fixture)
{
    [Theory]
    [InlineData("New-DiffusionImage x -Scheduler ddi", "DDIM,'A1111 DDIM'")]
    [InlineData("New-DiffusionImage x -Sampler 'Euler ", "'Euler Karras','Euler Exponential','Euler Beta','Euler a','Flow Match Euler Karras','Flow Match Euler Exponential','Flow Match Euler Beta','A1111 Euler Karras','A1111 Euler Exponential','A1111 Euler a','A1111 Euler a Karras','A1111 Euler a Exponential'")]
    [InlineData("Invoke-Denoise -Scheduler sde_", "")]
    [InlineData("Invoke-Denoise -Scheduler k_euler_", "'Euler Karras','Euler Exponential','Euler Beta','Euler a'")]
    [InlineData("Invoke-Denoise -Scheduler 'DEI", "DEIS,'DEIS Karras','DEIS Exponential','DEIS Beta'")]
    [InlineData("Get-DiffusionScheduler LC", "LCM")]
    [InlineData("New-DiffusionImage x -Model de", "demo")]
    [InlineData("Get-DiffusionModel ", "demo")]
    [InlineData("ConvertFrom-Latent -Device c", "Cpu,Cuda,CoreML")]
    [InlineData("Get-DiffusionDevice au", "Auto")]
    [InlineData("New-DiffusionImage x -Scheduler Euler -SchedulerOption timestep_sp", "@{ timestep_spacing = 'linspace' },@{ timestep_spacing = 'leading' },@{ timestep_spacing = 'trailing' }")]
    [InlineData("New-DiffusionImage x -SchedulerOption clip_sample_r", "@{ clip_sample_range = 1 }")]
    [InlineData("New-DiffusionImage x -Scheduler Nope -SchedulerOption timestep_sp", "")]
    [InlineData("New-DiffusionImage x -Scheduler Euler -SchedulerOption karras", "@{ use_karras_sigmas = $true },@{ use_karras_sigmas = $false }")]
    [InlineData("New-DiffusionImage x -SchedulerOption trail", "@{ timestep_spacing = 'trailing' }")]
    [InlineData("New-DiffusionImage x -SchedulerOption timestep_spacing=l", "@{ timestep_spacing = 'linspace' },@{ timestep_spacing = 'leading' }")]
    [InlineData("New-DiffusionImage x -SchedulerOption sample=t", "@{ clip_sample = $true }")]
    [InlineData("Remove-DiffusionModel ", "")]
    [InlineData("ConvertTo-Latent x.png -ResizeMode c", "Crop")]
    public void Names_are_completed(string line, string expected) =>
        Assert.Equal(expected, string.Join(',', Complete(line)));

    [Fact]
    public void All_schedulers_are_offered_and_each_can_be_asked_for_as_it_is_written()
    {
        string[] texts = [.. Complete("New-DiffusionImage x -Scheduler ")];
        Assert.Equal(SchedulerCatalog.All.Count, texts.Length);
        Assert.Equal(
            SchedulerCatalog.All.Select(scheduler => scheduler.Name),
            RunWell(string.Join(';', texts.Select(text => $"(Get-DiffusionScheduler {text}).Name"))).Values<string>());
    }

    [Fact]
    public void Each_option_that_is_offered_is_a_hashtable_as_it_is_written()
    {
        foreach (SchedulerInfo scheduler in SchedulerCatalog.All.DistinctBy(scheduler => scheduler.ClassName))
        {
            string[] texts = [.. Complete($"New-DiffusionImage x -Scheduler '{scheduler.Name}' -SchedulerOption ")];
            Assert.NotEmpty(texts);
            ShellResult result = RunWell(string.Join(';', texts));
            Assert.Equal(texts.Length, result.Values<System.Collections.Hashtable>().Count);
        }
    }

    [Fact]
    public void A_scheduler_is_found_by_any_part_of_its_name_the_beginning_first()
    {
        string[] texts = [.. Complete("New-DiffusionImage x -Scheduler Karr")];
        Assert.Contains("'DPM++ 2M Karras'", texts);
        Assert.Equal(SchedulerCatalog.All.Count(scheduler => scheduler.Name.Contains("Karras", StringComparison.Ordinal)), texts.Length);

        texts = [.. Complete("New-DiffusionImage x -Scheduler heun")];
        Assert.Equal("Heun", texts[0]);
        Assert.Contains("'DPM++ 2M SDE Heun'", texts);
    }

    private IEnumerable<string> Complete(string line)
    {
        Set("line", line);
        return RunWell("(TabExpansion2 $line $line.Length).CompletionMatches").Values<CompletionResult>().Select(match => match.CompletionText);
    }
}
