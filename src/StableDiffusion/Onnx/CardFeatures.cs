using StableDiffusion.Onnx.Graphs;

namespace StableDiffusion.Onnx;

/// <summary>What an NVIDIA card is used with by ONNX Runtime's CUDA provider, besides its defaults.</summary>
/// <param name="PutsChannelsLast">Whether convolutions take channels as the last axis, as <see cref="ChannelsLast"/> writes graphs.</param>
/// <param name="RecordsRuns">Whether runs can be recorded, as <see cref="RunRecorder"/> does.</param>
internal readonly record struct CardFeatures(bool PutsChannelsLast, bool RecordsRuns);
