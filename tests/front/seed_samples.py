"""Sample code of seed 004 (§3.1-3.9 curl, §5.3 Python, §6.3 JavaScript), word for word. Tests change only host and key."""

HOST = "http://localhost:8000"

PYTHON = """\
import requests
import time

def create_video_task(prompt):
    url = "http://localhost:8000/v1/video/tasks"
    headers = {"Content-Type": "application/json"}
    data = {
        "model": "grok-imagine-1.0-video",
        "prompt": prompt,
        "aspect_ratio": "16:9",
        "video_length": 6,
        "resolution": "480p"
    }
    
    response = requests.post(url, json=data, headers=headers)
    return response.json()["task_id"]

def get_task_status(task_id):
    url = f"http://localhost:8000/v1/video/tasks/{task_id}"
    response = requests.get(url)
    return response.json()

task_id = create_video_task("一只海豚在海洋中跳跃")
print(f"任务 ID: {task_id}")

while True:
    status = get_task_status(task_id)
    print(f"状态: {status['status']}, 进度: {status['progress']}%")
    
    if status["status"] == "completed":
        print(f"视频 URL: {status['video_url']}")
        break
    elif status["status"] == "failed":
        print(f"错误: {status.get('message', '未知错误')}")
        break
    
    time.sleep(2)
"""  # noqa: W293

JAVASCRIPT = """\
async function createVideoTask(prompt) {
  const response = await fetch("http://localhost:8000/v1/video/tasks", {
    method: "POST",
    headers: {
      "Content-Type": "application/json"
    },
    body: JSON.stringify({
      model: "grok-imagine-1.0-video",
      prompt: prompt,
      aspect_ratio: "16:9",
      video_length: 6,
      resolution: "480p"
    })
  });
  
  const data = await response.json();
  return data.task_id;
}

async function getTaskStatus(taskId) {
  const response = await fetch(`http://localhost:8000/v1/video/tasks/${taskId}`);
  return await response.json();
}

async function waitForVideo(taskId) {
  while (true) {
    const status = await getTaskStatus(taskId);
    console.log(`状态: ${status.status}, 进度: ${status.progress}%`);
    
    if (status.status === "completed") {
      console.log(`视频 URL: ${status.video_url}`);
      break;
    } else if (status.status === "failed") {
      console.log(`错误: ${status.message || "未知错误"}`);
      break;
    }
    
    await new Promise(resolve => setTimeout(resolve, 2000));
  }
}

createVideoTask("一只海豚在海洋中跳跃")
  .then(taskId => waitForVideo(taskId));
"""  # noqa: W293

CREATE = r"""curl -X POST http://localhost:8000/v1/video/tasks \
  -H "Content-Type: application/json" \
  -d '{
    "model": "grok-imagine-1.0-video",
    "prompt": "一只海豚在海洋中跳跃",
    "aspect_ratio": "16:9",
    "video_length": 6,
    "resolution": "480p",
    "preset": "normal"
  }'"""
GET = "curl http://localhost:8000/v1/video/tasks/task_abc123"
STREAM = "curl http://localhost:8000/v1/video/tasks/task_abc123/stream"
CANCEL = "curl -X DELETE http://localhost:8000/v1/video/tasks/task_abc123"
DELETE = r"""curl -X DELETE http://localhost:8000/v1/video/tasks \
  -H "Content-Type: application/json" \
  -d '{
    "task_ids": ["task_abc123", "task_def456"]
  }'"""
DELETE_FAILED = "curl -X DELETE http://localhost:8000/v1/video/tasks/status/failed"
DELETE_ALL = "curl -X DELETE http://localhost:8000/v1/video/tasks/all"
LIST = "curl http://localhost:8000/v1/video/tasks"
LIST_COMPLETED = "curl http://localhost:8000/v1/video/tasks?status=completed"
UPLOAD = r"""curl -X POST http://localhost:8000/v1/video/upload \
  -F "file=@/path/to/image.jpg" """
