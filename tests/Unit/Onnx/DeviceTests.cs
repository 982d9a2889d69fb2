using Microsoft.ML.OnnxRuntime;
using StableDiffusion.Onnx;

namespace StableDiffusion.Tests.Onnx;

public sealed class DeviceTests
{
    [Theory]
    [InlineData("cpu", "Cpu")]
    [InlineData("CUDA", "Cuda")]
    [InlineData("Cuda:0", "Cuda")]
    [InlineData("cuda:1", "Cuda:1")]
    [InlineData("DirectML:2", "DirectML:2")]
    public void A_device_is_read_in_any_case_and_written_in_one(string text, string expected) =>
        Assert.Equal(expected, Device.Parse(text).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("gpu")]
    [InlineData("Cuda:")]
    [InlineData("Cuda:-1")]
    [InlineData("Cuda:64")]
    [InlineData("Cuda:1:2")]
    [InlineData("Cpu:0")]
    [InlineData("Auto")]
    public void What_is_no_device_is_refused(string text)
    {
        InvalidSettingException error = Assert.Throws<InvalidSettingException>(() => Device.Parse(text));
        Assert.Equal("Device", error.Setting);
    }

    [Fact]
    public void The_processor_is_always_offered_and_one_device_is_the_default()
    {
        IReadOnlyList<DeviceInfo> devices = Devices.List();

        Assert.True(devices.Single(device => device.Kind == DeviceKind.Cpu).IsAvailable);
        Assert.Single(devices, device => device.IsDefault);
        Assert.True(devices.Single(device => device.IsDefault).IsAvailable);
    }

    [Fact]
    public void Asking_for_a_device_that_is_missing_says_what_to_install()
    {
        DeviceInfo? missing = Devices.List().FirstOrDefault(device => !device.IsAvailable);
        Assert.SkipWhen(missing is null, "This ONNX Runtime offers every kind of device.");

        DeviceUnavailableException error = Assert.Throws<DeviceUnavailableException>(() => Devices.Resolve(missing.Name, out _));

        Assert.Contains(missing.Reason, error.Message, StringComparison.Ordinal);
        Assert.Contains(missing.Note, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Auto_takes_the_default_and_says_why()
    {
        Device device = Devices.Resolve("auto", out string reason);

        Assert.Equal(Devices.List().Single(item => item.IsDefault).Kind, device.Kind);
        Assert.EndsWith(".", reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Auto_says_why_a_card_is_not_taken()
    {
        DeviceInfo cuda = Devices.List().Single(device => device.Kind == DeviceKind.Cuda);
        Assert.SkipWhen(cuda.IsAvailable, "There is a card, and it works.");
        Assert.SkipWhen(cuda.Reason.Contains(cuda.ExecutionProvider, StringComparison.Ordinal), "This build of ONNX Runtime has no provider for cards.");

        Devices.Resolve("Auto", out string reason);

        Assert.Contains($"Cuda cannot be used. {cuda.Reason}", reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Each_device_says_in_whole_sentences_why_it_can_be_used_or_not()
    {
        Assert.All(Devices.List(), device =>
        {
            Assert.Matches(@"^[A-Z].*[^.]\.$", device.Reason);
            Assert.DoesNotContain("..", device.Reason, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', device.Reason);
        });
    }

    [Fact]
    public void A_device_that_is_listed_as_available_has_run_a_graph()
    {
        foreach (DeviceInfo device in Devices.List().Where(device => device.IsAvailable))
        {
            using SessionOptions options = Devices.CreateOptions(Device.Parse(device.Name));
            Assert.Null(DeviceTrial.Run(options));
        }
    }
}
