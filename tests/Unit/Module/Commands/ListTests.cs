using System.Management.Automation;
using StableDiffusion.Onnx;
using StableDiffusion.Running;
using StableDiffusion.Sampling;

namespace StableDiffusion.Tests.Module.Commands;

/// <summary>Get-DiffusionModel, Get-DiffusionScheduler and Get-DiffusionDevice.</summary>
public sealed class ListTests(CommandShell fixture) : CommandTests(fixture)
{
    [Theory]
    [InlineData("Get-DiffusionModel")]
    [InlineData("Get-DiffusionModel DEMO")]
    [InlineData("Get-DiffusionModel d?mo")]
    [InlineData("'demo' | Get-DiffusionModel")]
    [InlineData("[pscustomobject]@{ Name = 'demo' } | Get-DiffusionModel")]
    public void The_model_that_ships_is_listed(string script)
    {
        ModelInfo model = Assert.Single(RunWell(script).Values<ModelInfo>(), model => model.Name == "demo");
        Assert.True(model.IsEmbedded);
        Assert.Equal((64, 64, 25, 5.0, "DDIM"), (model.Width, model.Height, model.Steps, model.GuidanceScale, model.Scheduler));
    }

    [Fact]
    public void A_model_is_also_found_by_its_folder()
    {
        Set("location", Path.GetDirectoryName(Repository.DemoModel));
        ModelInfo model = Assert.Single(RunWell("$null = $ExecutionContext.SessionState.Path.SetLocation($location); Get-DiffusionModel ./demo-model").Values<ModelInfo>());
        Assert.Equal((Repository.DemoModel, 25, false), (model.Path, model.Steps, model.IsEmbedded));
    }

    [Fact]
    public void A_model_that_is_not_there_is_an_error_and_the_next_has_its_turn()
    {
        ShellResult result = Run("'nope', 'demo' | Get-DiffusionModel");
        Assert.Equal(["demo"], result.Values<ModelInfo>().Select(model => model.Name));
        Assert.Equal("nope", Unwrap(AssertError(result, "ModelNotFound", ErrorCategory.ObjectNotFound, "GetDiffusionModel").TargetObject));
    }

    [Theory]
    [InlineData("'dpmpp_2m_karras', 'k_euler', 'PNDMScheduler'", "DPM++ 2M Karras,Euler,PNDM")]
    [InlineData("'DEIS*'", "DEIS,DEIS Karras,DEIS Exponential,DEIS Beta")]
    [InlineData("'zzz*'", "")]
    public void Schedulers_are_found_by_any_of_their_names(string names, string expected) =>
        Assert.Equal(expected, string.Join(',', RunWell($"{names} | Get-DiffusionScheduler").Values<SchedulerInfo>().Select(scheduler => scheduler.Name)));

    [Fact]
    public void All_schedulers_are_listed_where_no_name_is_given() =>
        Assert.Equal(SchedulerCatalog.All, RunWell("Get-DiffusionScheduler").Values<SchedulerInfo>());

    [Fact]
    public void A_scheduler_that_is_none_is_an_error_with_those_that_come_near()
    {
        ShellResult result = Run("'Eular', 'DDIM' | Get-DiffusionScheduler");
        Assert.Equal(["DDIM"], result.Values<SchedulerInfo>().Select(scheduler => scheduler.Name));
        ErrorRecord error = AssertError(result, "SchedulerNotFound", ErrorCategory.ObjectNotFound, "GetDiffusionScheduler");
        Assert.Equal("Eular", Unwrap(error.TargetObject));
        Assert.Contains("Did you mean 'Euler'", error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Get-DiffusionDevice cpu, Cuda:1", "Cpu,Cuda")]
    [InlineData("'*u*' | Get-DiffusionDevice", "Cpu,Cuda")]
    [InlineData("[pscustomobject]@{ Device = 'cpu' } | Get-DiffusionDevice", "Cpu")]
    [InlineData("Get-DiffusionDevice zzz*", "")]
    public void Devices_are_found_by_name(string script, string expected) =>
        Assert.Equal(expected, string.Join(',', RunWell(script).Values<DeviceInfo>().Select(device => device.Name)));

    [Theory]
    [InlineData("GetDiffusionModel", "Get-DiffusionModel")]
    [InlineData("TestDiffusionModel", "Test-DiffusionModel")]
    [InlineData("GetDiffusionScheduler", "Get-DiffusionScheduler")]
    [InlineData("GetDiffusionDevice", "Get-DiffusionDevice")]
    [InlineData("RemoveDiffusionModel", "Remove-DiffusionModel -WhatIf")]
    public void A_bracket_that_is_not_closed_is_an_error_of_the_name(string cmdlet, string command) =>
        Assert.Equal("[[", Unwrap(AssertError(Run($"'[[', 'zzz*' | {command}"), "NameInvalid", ErrorCategory.InvalidArgument, cmdlet).TargetObject));

    [Fact]
    public void Auto_stands_for_the_device_that_it_takes()
    {
        IReadOnlyList<DeviceInfo> devices = RunWell("Get-DiffusionDevice auto; Get-DiffusionDevice | Where-Object IsDefault").Values<DeviceInfo>();
        Assert.Equal(2, devices.Count);
        Assert.Equal(devices[0], devices[1]);
    }

    [Fact]
    public void Available_leaves_out_what_cannot_be_used()
    {
        IReadOnlyList<DeviceInfo> devices = RunWell("Get-DiffusionDevice -Available").Values<DeviceInfo>();
        Assert.Contains(devices, device => device.Kind == DeviceKind.Cpu);
        Assert.All(devices, device => Assert.True(device.IsAvailable));
    }
}
