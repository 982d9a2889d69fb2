using Microsoft.ML.OnnxRuntime.Tensors;
using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Graphs;

namespace StableDiffusion.Tests.Onnx;

/// <summary>What surrounds recorded runs, on the processor, which makes each run anew: the memory of the device, the copies to it and the sizes.</summary>
public sealed class RunRecorderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly OnnxSession _session;

    public RunRecorderTests()
    {
        GraphBuilder graph = new("sum", GraphPrecision.Full);
        Value x = graph.Input("x", "rows", "columns"), y = graph.Input("y", "rows", "columns");
        graph.Output("sum", graph.Add(x, y), "rows", "columns");
        graph.Save(_folder["model.onnx"], null, Cancellation);
        _session = OnnxSession.Open(_folder["model.onnx"], Device.Cpu, recordsRuns: true, cancellationToken: Cancellation);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _session.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Each_run_reads_what_was_written_last()
    {
        using Sum sum = new(_session, rows: 1);

        for (int i = 0; i < 5; i++)
        {
            sum.Write(i, 10);
            Assert.Equal(i + 10, sum.Run());
        }

        sum.Write(7, 20);
        Assert.Equal(27, sum.Run());
        Assert.Equal(27, sum.Run());
        Assert.Null(_session.RecordingFault);
    }

    /// <summary>Two runs before, and two in both ways.</summary>
    [Fact]
    public void That_runs_are_recorded_is_said_once_when_a_size_has_run_often_enough()
    {
        using Sum one = new(_session, rows: 1), other = new(_session, rows: 2);
        one.Write(1, 2);
        other.Write(1, 2);
        for (int i = 0; i < 6; i++)
        {
            one.Run();
            other.Run();
        }

        Assert.Null(_session.TakeRecordingNote());
        other.Run();
        other.Run();
        Assert.Null(_session.TakeRecordingNote());
        other.Run();
        Assert.Equal("runs by CUDA graphs.", _session.TakeRecordingNote());
        for (int i = 0; i < 6; i++)
            one.Run();
        Assert.Null(_session.TakeRecordingNote());
    }

    /// <summary>Both have the same memory on the device, as the predictions for a prompt and a negative prompt do.</summary>
    [Fact]
    public void Calls_of_one_size_do_not_see_each_others_values()
    {
        using Sum one = new(_session, rows: 1), other = new(_session, rows: 1);
        one.Write(1, 2);
        other.Write(30, 40);

        for (int i = 0; i < 4; i++)
        {
            Assert.Equal(3, one.Run());
            Assert.Equal(70, other.Run());
        }
    }

    [Fact]
    public void Any_number_of_sizes_can_take_turns()
    {
        Sum[] sums = [.. Enumerable.Range(1, 20).Select(rows => new Sum(_session, rows))];
        for (int round = 0; round < 3; round++)
        {
            for (int i = 0; i < sums.Length; i++)
            {
                sums[i].Write(i, round);
                Assert.Equal(i + round, sums[i].Run());
            }
        }

        foreach (Sum sum in sums)
            sum.Dispose();
    }

    [Fact]
    public void A_run_on_other_memory_is_made_beside_them()
    {
        using Sum sum = new(_session, rows: 1);
        sum.Write(1, 2);
        using OnnxBuffer x = new(TensorElementType.Float, 3, 2), y = new(TensorElementType.Float, 3, 2);
        Array.Fill(y.Values, 5);
        y.Upload();

        Assert.Equal(3, sum.Run());
        Assert.All(_session.Run(_session.Output("sum"), Cancellation, (_session.Inputs["x"], x), (_session.Inputs["y"], y)).Values, static value => Assert.Equal(5, value));
        Assert.Equal(3, sum.Run());
    }

    [Fact]
    public void A_session_can_be_closed_twice_and_before_its_calls()
    {
        OnnxSession session = OnnxSession.Open(_folder["model.onnx"], Device.Cpu, recordsRuns: true, cancellationToken: Cancellation);
        Sum[] sums = [.. Enumerable.Range(1, 20).Select(rows => new Sum(session, rows))];
        foreach (Sum sum in sums)
        {
            sum.Write(1, 2);
            Assert.Equal(3, sum.Run());
        }

        session.Dispose();
        session.Dispose();
        foreach (Sum sum in sums)
            sum.Dispose();
    }

    [Fact]
    public async Task Runs_of_several_threads_are_kept_apart()
    {
        await Task.WhenAll(Enumerable.Range(0, 4).Select(thread => Task.Run(
            () =>
            {
                using Sum sum = new(_session, rows: 1);
                for (int i = 0; i < 50; i++)
                {
                    sum.Write(thread, i);
                    Assert.Equal(thread + i, sum.Run());
                }
            },
            Cancellation)));
    }

    /// <summary>They are copied in the type of the graph.</summary>
    [Theory]
    [InlineData(TensorElementType.Float)]
    [InlineData(TensorElementType.Float16)]
    [InlineData(TensorElementType.Int64)]
    public void Values_are_copied_to_the_device_and_back(TensorElementType type)
    {
        using OnnxBuffer from = new(type, 2, 3), to = new(type, 2, 3);
        Enumerable.Range(0, 6).Select(static i => (float)i).ToArray().CopyTo(from.Values, 0);
        from.Upload();
        using DeviceCopies copies = new(Device.Cpu);
        using Microsoft.ML.OnnxRuntime.OrtValue memory = copies.Allocate(type, 2, 3);

        copies.Copy(from.Value, memory, type);
        copies.Copy(memory, to.Value, type);

        to.Download();
        Assert.Equal(from.Values, to.Values);
    }

    [Theory]
    [InlineData(DeviceKind.Cuda, null, false)]
    [InlineData(DeviceKind.Cuda, "1", true)]
    [InlineData(DeviceKind.Cuda, " 1 ", true)]
    [InlineData(DeviceKind.Cuda, "0", false)]
    [InlineData(DeviceKind.Cuda, "", false)]
    [InlineData(DeviceKind.Cuda, "yes", null)]
    [InlineData(DeviceKind.Cuda, "2", null)]
    [InlineData(DeviceKind.Cpu, "1", false)]
    [InlineData(DeviceKind.Cpu, "yes", false)]
    [InlineData(DeviceKind.TensorRt, "1", false)]
    public void Runs_are_recorded_on_a_card_if_that_is_asked_for(DeviceKind kind, string? value, bool? expected)
    {
        Environment.SetEnvironmentVariable(RunRecorder.Variable, value);
        try
        {
            if (expected is null)
                Assert.Contains($"'{value}', but must be 0 or 1.", Assert.Throws<InvalidSettingException>(() => RunRecorder.IsWanted(new Device(kind))).Message, StringComparison.Ordinal);
            else
                Assert.Equal(expected, RunRecorder.IsWanted(new Device(kind)));
        }
        finally
        {
            Environment.SetEnvironmentVariable(RunRecorder.Variable, null);
        }
    }

    /// <summary>A call that adds two values in each of a number of rows.</summary>
    private sealed class Sum : IDisposable
    {
        private readonly OnnxBuffer _x, _y, _sum;
        private readonly OnnxCall _call;

        public Sum(OnnxSession session, int rows)
        {
            (_x, _y, _sum) = (New(), New(), New());
            _call = session.Bind((session.Output("sum"), _sum), (session.Inputs["x"], _x), (session.Inputs["y"], _y));

            OnnxBuffer New() => new(TensorElementType.Float, rows, 2);
        }

        public void Write(float x, float y)
        {
            // What did not change is not written again.
            Set(_x, x);
            Set(_y, y);

            static void Set(OnnxBuffer buffer, float value)
            {
                if (buffer.Values[0].Equals(value))
                    return;
                Array.Fill(buffer.Values, value);
                buffer.Upload();
            }
        }

        public float Run()
        {
            _call.Run(Cancellation);
            _sum.Download();
            return Assert.Single(_sum.Values.Distinct());
        }

        public void Dispose()
        {
            _call.Dispose();
            foreach (OnnxBuffer buffer in (OnnxBuffer[])[_x, _y, _sum])
                buffer.Dispose();
        }
    }
}
